package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// counter counts requests by path.
type counter struct {
	now func() time.Time

	mu    sync.Mutex
	paths map[string]*counts
}

// counts are the figures of one path.
type counts struct {
	Reached int64           `json:"reached"`
	Busiest int             `json:"busiest"` // most in any second, wherever it begins
	Seconds map[int64]int64 `json:"seconds"` // Unix time
	Windows map[int64]int64 `json:"windows"` // X-Mgw-Window

	last []time.Time // of the last second, in order
}

// Bounds of what is remembered: the sample has a handful of paths, and its
// runs last minutes.
const (
	maxPaths   = 100
	maxSeconds = 100_000
)

func newCounter(now func() time.Time) http.Handler {
	c := &counter{now: now, paths: map[string]*counts{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /-/counts", c.show)
	mux.HandleFunc("POST /-/reset", c.reset)
	mux.HandleFunc("/", c.count)
	return mux
}

func (c *counter) count(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.paths[r.URL.Path]
	if p == nil {
		if len(c.paths) >= maxPaths {
			http.Error(w, "too many paths", http.StatusInsufficientStorage)
			return
		}
		p = &counts{Seconds: map[int64]int64{}, Windows: map[int64]int64{}}
		c.paths[r.URL.Path] = p
	}
	p.add(c.now(), r.Header.Get("X-Mgw-Window"))
}

func (p *counts) add(now time.Time, window string) {
	p.Reached++
	if len(p.Seconds) < maxSeconds {
		p.Seconds[now.Unix()]++
	}
	if id, err := strconv.ParseInt(window, 10, 64); err == nil && len(p.Windows) < maxSeconds {
		p.Windows[id]++
	}
	old := 0
	for old < len(p.last) && now.Sub(p.last[old]) >= time.Second {
		old++
	}
	p.last = append(p.last[old:], now)
	p.Busiest = max(p.Busiest, len(p.last))
}

func (c *counter) show(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(c.paths)
}

func (c *counter) reset(http.ResponseWriter, *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.paths)
}
