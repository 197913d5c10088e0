package backend

import (
	"net/http"
	"time"
)

// protocols says what is spoken: HTTP/2 alone where the endpoint says so.
func (s *Standard) protocols(http2 bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(!http2)
	p.SetHTTP2(http2 || !s.options.NoHTTP2)
	p.SetUnencryptedHTTP2(http2)
	return p
}

// http2Config finds out about backends that have vanished, and bounds what
// is kept of an answer that its client reads slowly: net/http would take 4 MB
// a stream. The connection's window stays as large as it is, so that one slow
// client does not hold up the others.
func http2Config() *http.HTTP2Config {
	return &http.HTTP2Config{
		SendPingTimeout:           30 * time.Second,
		PingTimeout:               15 * time.Second,
		MaxReceiveBufferPerStream: 512 << 10,
	}
}
