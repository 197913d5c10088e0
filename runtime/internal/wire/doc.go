// Package wire is the HTTP/1.1 engine: a client side that a listener hands its
// connections to, and a backend side with a pool of its own.
//
// In comes a net.Conn. One goroutine reads a head into a pooled buffer, makes
// the fields spans into that buffer, runs the chain over the exchange and
// writes the answer; the backend is driven by the same goroutine. Out go the
// client's answer and, through Transport, requests to backends.
//
// It refuses whatever RFC 9112 calls invalid or ambiguous and never guesses: a
// request that two parsers could read differently is answered 400 and its
// connection closed. It re-makes framing and never copies it. It never buffers
// a whole body, never speaks HTTP/2, and knows nothing of routes or limits.
package wire
