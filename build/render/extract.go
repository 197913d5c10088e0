package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"mgw/runtime/spec"
)

// Extract gives the gateway that an executable serves, from its bytes: what
// main embeds stands there as it is, whatever system the executable is for.
// Nothing is run.
func Extract(executable []byte) (*spec.Gateway, error) {
	start := []byte(`{"format":`)
	err := errors.New("there is no gateway in it")
	for rest := executable; ; rest = rest[1:] {
		i := bytes.Index(rest, start)
		if i < 0 {
			return nil, err
		}
		rest = rest[i:]
		var content json.RawMessage
		if json.NewDecoder(bytes.NewReader(rest)).Decode(&content) != nil {
			continue
		}
		g, wrong := spec.Decode(content)
		if wrong == nil && len(g.Project) > 0 {
			return g, nil
		}
		if wrong != nil && bytes.Contains(content[:min(len(content), 100)], []byte(`"project":`)) {
			err = fmt.Errorf("another version of mgw built it: %w", wrong)
		}
	}
}
