package fleet

import (
	"context"
	"encoding/json"
	"net/http"

	"mgw/samples/internal/harness"
)

// Backend is the running backend.
type Backend struct {
	*harness.Process
	URL string
}

// StartBackend starts the backend on a free port, and waits until it listens.
func (p *Project) StartBackend(ctx context.Context) (*Backend, error) {
	process, err := harness.Start(p.Dir, nil, p.Path("backend"), "-addr", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m, err := process.WaitLine(ctx, `^http://\S+$`)
	if err != nil {
		process.Stop()
		return nil, err
	}
	return &Backend{process, m[0]}, nil
}

// Counts is what reached the backend at one path.
type Counts struct {
	Reached int64
	Busiest int64
	Seconds map[int64]int64 // by Unix time
	Windows map[int64]int64 // by the window of the token
}

// Counts asks for the figures of a path.
func (b *Backend) Counts(ctx context.Context, path string) (Counts, error) {
	a, err := harness.Request{URL: b.URL + "/-/counts"}.Send(ctx)
	if err != nil {
		return Counts{}, err
	}
	var all map[string]Counts
	err = json.Unmarshal([]byte(a.Body), &all)
	return all[path], err
}

// Reset makes the backend forget what it counted.
func (b *Backend) Reset(ctx context.Context) error {
	_, err := harness.Request{Method: http.MethodPost, URL: b.URL + "/-/reset"}.Send(ctx)
	return err
}
