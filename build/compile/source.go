package compile

import (
	"regexp"
	"strconv"
	"strings"
)

// SourceError is what the compiler finds wrong in the user's files.
type SourceError struct{ Mistakes []Mistake }

// Mistake stands in a file of Options.Files.
type Mistake struct {
	File      string
	Line, Col int
	Msg       string
}

func (e *SourceError) Error() string { return e.Mistakes[0].Msg }

var placed = regexp.MustCompile(`^\s*(?:\./)?(\S+\.go):(\d+)(?::(\d+))?: (.*)$`)

// sourceError takes the mistakes in the user's folder out of what the go
// command said, nil when there are none. What is about other files follows from
// them then.
func sourceError(user string, said []string) error {
	var found []Mistake
	inside := false // of the message of a mistake
	for _, line := range said {
		m := placed.FindStringSubmatch(line)
		switch {
		case m != nil:
			if inside = user != "" && strings.HasPrefix(m[1], user+"/"); inside {
				n, _ := strconv.Atoi(m[2])
				col, _ := strconv.Atoi(m[3])
				found = append(found, Mistake{m[1], n, col, m[4]})
			}
		case inside && strings.HasPrefix(line, "\t"):
			found[len(found)-1].Msg += " " + strings.TrimSpace(line)
		default:
			inside = false
		}
	}
	if found == nil {
		return nil
	}
	for i := range found {
		// The advice that follows names the folder of this build.
		found[i].Msg, _, _ = strings.Cut(found[i].Msg, "; to add")
	}
	return &SourceError{found}
}
