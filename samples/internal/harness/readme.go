package harness

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Step is a command that a README quotes, with what it says one sees.
type Step struct {
	File    string
	Line    int
	Command string
	Want    string // "..." stands for anything
}

// ReadSteps gives the commands of a README in their order: in blocks that open
// with ```console, lines that start with "$ "; what follows each is what it
// prints. A line that ends with a backslash goes on in the next.
func ReadSteps(file string) ([]Step, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var steps []Step
	inside, open := false, false // in a block; in a command that goes on
	for n, line := range strings.Split(string(data), "\n") {
		last := len(steps) - 1
		switch {
		case !inside:
			inside = line == "```console"
		case line == "```":
			inside = false
		case open:
			steps[last].Command += "\n" + line
			open = strings.HasSuffix(line, `\`)
		case strings.HasPrefix(line, "$ "):
			steps = append(steps, Step{File: file, Line: n + 1, Command: line[2:]})
			open = strings.HasSuffix(line, `\`)
		case last < 0:
			return nil, fmt.Errorf("%s:%d: output before the first command", file, n+1)
		default:
			steps[last].Want += line + "\n"
		}
	}
	if inside {
		return nil, fmt.Errorf("%s: the last block does not end", file)
	}
	return steps, nil
}

// Background tells whether the command is one that goes on until it is ended.
func (s Step) Background() bool { return strings.HasSuffix(s.Command, " &") }

// Check compares what the command printed with what the README says. Line ends
// of HTTP are line ends.
func (s Step) Check(output string) error {
	output = strings.ReplaceAll(output, "\r\n", "\n")
	pattern := regexp.QuoteMeta(strings.TrimSpace(s.Want))
	pattern = strings.ReplaceAll(pattern, `\.\.\.`, `.*?`)
	if regexp.MustCompile(`(?s)\A` + pattern + `\z`).MatchString(strings.TrimSpace(output)) {
		return nil
	}
	return fmt.Errorf("%s:%d: %s\nprinted\n%s\nand not\n%s", s.File, s.Line, s.Command, output, s.Want)
}
