package templates

import "embed"

// Gateway is the module that a build generates, below "gateway": text/template
// files whose names lose ".tmpl" when they are rendered.
//
//go:embed gateway
var Gateway embed.FS
