package compile

import (
	"slices"
	"strings"
	"testing"
)

func TestMessagesTellStepsFromTrouble(t *testing.T) {
	var steps []string
	m := &messages{progress: func(s string) { steps = append(steps, s) }}
	text := "internal/goarch\ngo: downloading golang.org/x/net v0.62.0\nmgw/runtime/spec\n" +
		"# mgw.local/gateway\n./main.go:3:15: undefined: x\ngo: module lookup disabled\nlast"
	for len(text) > 0 { // in pieces, as pipes deliver it
		n := min(7, len(text))
		m.Write([]byte(text[:n]))
		text = text[n:]
	}
	m.flush()
	if want := []string{"internal/goarch", "downloading golang.org/x/net v0.62.0", "mgw/runtime/spec", "last"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q", steps)
	}
	if want := []string{"# mgw.local/gateway", "./main.go:3:15: undefined: x", "go: module lookup disabled"}; !slices.Equal(m.trouble, want) {
		t.Errorf("trouble %q", m.trouble)
	}
}

func TestTroubleIsBounded(t *testing.T) {
	m := new(messages)
	m.Write([]byte(strings.Repeat("some trouble\n", 10*maxTrouble)))
	if len(m.trouble) != maxTrouble {
		t.Errorf("%d lines kept", len(m.trouble))
	}
}
