package cache

import (
	"io"

	"mgw/runtime/internal/exchange"
)

// recorder is an answer's body on its way to the client, of which it keeps a
// copy while that is worth it.
type recorder struct {
	visit   *visit
	from    exchange.Body
	message *exchange.Message
	entry   *entry // nil: not kept any more
	length  int64
	copied  []byte
	claimed int64 // of the memory for answers that are not complete
}

// record keeps an answer when all of it has passed.
func (v *visit) record(x *exchange.Exchange, e *entry) {
	m := &x.Response
	if m.Body == nil {
		v.cache.keep(v, e)
		v.announce(true)
		v.land()
		return
	}
	v.recorder = recorder{visit: v, from: m.Body, message: m, entry: e, length: m.Length}
	if !v.recorder.claim(max(m.Length, 0)) {
		v.recorder = recorder{}
		v.announce(false)
		return
	}
	if m.Length > 0 {
		v.recorder.copied = make([]byte, 0, m.Length)
	}
	v.announce(true)
	m.Body = &v.recorder
}

// claim takes memory for a copy of n bytes: answers that are not complete yet
// may take a quarter of what the stored ones do.
func (r *recorder) claim(n int64) bool {
	c := r.visit.cache
	more := n - r.claimed
	if more <= 0 {
		return true
	}
	if n > int64(c.options.MaxBody) {
		return false
	}
	if c.pending.Add(more) > c.options.Memory/4 {
		c.pending.Add(-more)
		return false
	}
	r.claimed = n
	return true
}

// Next lends the next chunk.
func (r *recorder) Next() ([]byte, error) {
	chunk, err := r.from.Next()
	switch {
	case r.entry == nil:
	case err == io.EOF:
		r.end()
	case err != nil:
		r.drop()
	default:
		r.add(chunk)
	}
	return chunk, err
}

// add copies a chunk.
func (r *recorder) add(chunk []byte) {
	if !r.claim(int64(len(r.copied) + len(chunk))) {
		r.drop()
		return
	}
	r.copied = append(r.copied, chunk...)
}

// end stores the answer.
func (r *recorder) end() {
	e := r.entry
	if len(r.message.Trailers) > 0 || r.length != exchange.Unknown && r.length != int64(len(r.copied)) {
		r.drop()
		return
	}
	e.body = r.copied
	if cap(e.body)-len(e.body) > len(e.body)/4 {
		e.body = append(make([]byte, 0, len(e.body)), e.body...)
	}
	r.visit.cache.keep(r.visit, e)
	r.drop()
}

// drop gives up the copy, and lets those who wait for it go on.
func (r *recorder) drop() {
	r.visit.cache.pending.Add(-r.claimed)
	r.entry, r.copied, r.claimed = nil, nil, 0
	r.visit.land()
}

// Ready tells whether Next would not wait, as far as the body can tell.
func (r *recorder) Ready() bool {
	from, ok := r.from.(interface{ Ready() bool })
	return ok && from.Ready()
}

func (r *recorder) Rewind() bool { return false }

func (r *recorder) Abort(err error) {
	if r.entry != nil {
		r.drop()
	}
	r.from.Abort(err)
}
