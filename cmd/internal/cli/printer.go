package cli

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// printer writes to one stream, in colour where somebody looks at it.
type printer struct {
	io.Writer
	terminal bool
	colour   bool
}

// newPrinter follows no-color.org, CLICOLOR_FORCE and TERM.
func newPrinter(w io.Writer, env func(string) string) printer {
	p := printer{Writer: w}
	if f, ok := w.(*os.File); ok {
		p.terminal = term.IsTerminal(int(f.Fd()))
	}
	force := env("CLICOLOR_FORCE")
	switch {
	case env("NO_COLOR") != "":
	case force != "" && force != "0":
		p.colour = true
	default:
		p.colour = p.terminal && env("TERM") != "dumb"
	}
	return p
}

func (p printer) line(text string)    { fmt.Fprintln(p, text) }
func (p printer) success(text string) { p.line(p.paint("32", text)) }
func (p printer) problem(text string) { p.line(p.paint("31", text)) }
func (p printer) warning(text string) { p.line(p.paint("33", text)) }
func (p printer) faint(text string)   { p.line(p.paint("2", text)) }

func (p printer) paint(code, text string) string {
	if !p.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
