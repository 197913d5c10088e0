// Package templates carries the files that mgw writes into other people's
// folders.
package templates

import "embed"

// Project is a new project as `mgw init` lays it down, below "project". A name
// that starts with "dot-" starts with a dot in the project, and one that ends
// with ".tmpl" is a text/template: dot files here would act on this repository.
//
//go:embed project
var Project embed.FS
