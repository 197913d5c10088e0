package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// maxBytes bounds what ?bytes asks for.
const maxBytes = 16 << 20

// echo answers requests, and holds those that ask for it.
type echo struct {
	mu    sync.Mutex
	doors map[string]chan struct{} // closed when released
	held  int
}

func newEcho() http.Handler {
	e := &echo{doors: map[string]chan struct{}{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/-/held", e.count)
	mux.HandleFunc("/-/release", e.release)
	mux.HandleFunc("/", e.answer)
	return mux
}

func (e *echo) answer(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // what is not read the client cannot send
	q := r.URL.Query()
	if q.Has("hold") && !e.hold(r) {
		return
	}
	if n, err := strconv.Atoi(q.Get("bytes")); err == nil && n >= 0 && n <= maxBytes {
		_, _ = io.WriteString(w, strings.Repeat("x", n))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "target": r.RequestURI, "fields": r.Header})
}

// hold waits until the request is released. It gives false when the client
// went away first.
func (e *echo) hold(r *http.Request) bool {
	door := e.door(r, +1)
	defer e.door(r, -1)
	select {
	case <-door:
		return true
	case <-r.Context().Done():
		return false
	}
}

// door gives the door that a request names, and counts who waits.
func (e *echo) door(r *http.Request, waiting int) chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held += waiting
	name := r.URL.Query().Get("hold")
	if e.doors[name] == nil {
		e.doors[name] = make(chan struct{})
	}
	return e.doors[name]
}

func (e *echo) release(_ http.ResponseWriter, r *http.Request) {
	door := e.door(r, 0)
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-door:
	default:
		close(door)
	}
}

func (e *echo) count(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	fmt.Fprintln(w, e.held)
}
