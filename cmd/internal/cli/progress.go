package cli

import (
	"fmt"
	"time"
)

// progress shows the steps of a build with their times. On a terminal the
// compiler's work keeps one line up to date; elsewhere there is a plain line
// now and then, so that a first build, which takes minutes, does not look dead.
type progress struct {
	printer
	verbose bool
	now     func() time.Time

	done  int // packages and modules of the step at work
	said  time.Time
	drawn bool // a line is not finished yet
}

// sayEvery is how often a compilation says where it is off a terminal.
const sayEvery = 10 * time.Second

// step is called when a step has ended.
func (p *progress) step(name string, took time.Duration) {
	p.erase()
	p.faint(fmt.Sprintf("%s  %.1fs", name, took.Seconds()))
	p.done = 0
}

// detail is called with each package compiled and each module fetched.
func (p *progress) detail(what string) {
	p.done++
	now := p.now()
	if p.said.IsZero() {
		p.said = now
	}
	switch {
	case p.verbose:
		p.faint("  " + what)
	case p.terminal:
		p.erase()
		fmt.Fprint(p, p.paint("2", fmt.Sprintf("compiling, %d so far: %s", p.done, shorten(what, 50))))
		p.drawn = true
	case now.Sub(p.said) >= sayEvery:
		p.said = now
		p.line(fmt.Sprintf("compiling, %d so far: %s", p.done, what))
	}
}

// end removes a line that is not finished.
func (p *progress) end() { p.erase() }

func (p *progress) erase() {
	if p.drawn {
		fmt.Fprint(p, "\r\x1b[K")
		p.drawn = false
	}
}

// shorten keeps the end of a text, which names the package.
func shorten(text string, most int) string {
	if len(text) > most {
		return "..." + text[len(text)-most+3:]
	}
	return text
}
