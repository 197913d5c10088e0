// Package mgw carries its own runtime: the source that every gateway is built
// from, and the module files that pin what that source needs.
//
// It stands at the module's root because go:embed cannot look up. Files named
// _test.go and folders named testdata come along; build/compile leaves them
// out when it unpacks.
package mgw

import "embed"

// Source is go.mod, go.sum and runtime/ as they were when this program was
// built.
//
//go:embed go.mod go.sum runtime
var Source embed.FS
