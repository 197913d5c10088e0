package grpc_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"mgw/samples/internal/harness"
)

// peer speaks HTTP/2 frame by frame.
type peer struct {
	*http2.Framer
	conn net.Conn
	hp   *hpack.Encoder
	room bytes.Buffer
}

func newPeer(t *testing.T, url string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	p := &peer{Framer: http2.NewFramer(conn, conn), conn: conn}
	p.hp = hpack.NewEncoder(&p.room)
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := p.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return p
}

// head is a coded request head; more is a field on top.
func (p *peer) head(more hpack.HeaderField) []byte {
	p.room.Reset()
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: "/samples.Echo/Chat"},
		{Name: ":authority", Value: "a"}, {Name: "content-type", Value: "application/grpc"}, more,
	} {
		if f.Name != "" {
			_ = p.hp.WriteField(f)
		}
	}
	return bytes.Clone(p.room.Bytes())
}

func (p *peer) open(stream uint32, more hpack.HeaderField) error {
	return p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: p.head(more), EndHeaders: true})
}

// until reads frames until one is wanted, and gives false at the connection's end.
func (p *peer) until(wanted func(http2.Frame) bool) bool {
	for {
		f, err := p.ReadFrame()
		if err != nil {
			return false
		}
		if wanted(f) {
			return true
		}
	}
}

func goAway(f http2.Frame) bool { return f.Header().Type == http2.FrameGoAway }

// TestHostilePeersAreCutOff sends what has brought servers down. What a
// connection can cost is bounded, and others are served on.
func TestHostilePeersAreCutOff(t *testing.T) {
	_, url := backend(t)
	g := gateway(t, url)
	for _, tc := range []struct {
		name  string
		flood func(p *peer) error // one round; nil: once more
		ends  bool                // the connection must
	}{
		{"pings that nobody reads the answers of", func(p *peer) error { return p.WritePing(false, [8]byte{}) }, true},
		{"settings that nobody reads the answers of", settings(), false}, // net/http stops reading
		{"a head that never ends", endlessHead(), true},
		{"streams that are reset at once", rapidReset(), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := resident(t, g)
			p := newPeer(t, g.HTTP)
			var err error
			for n := 0; n < 1_000_000 && err == nil; n++ {
				err = tc.flood(p)
			}
			if tc.ends && (err == nil || errors.Is(err, os.ErrDeadlineExceeded)) {
				t.Errorf("the connection lives on: %v", err)
			}
			if _, err := dial(t, g.HTTP).Say(withToken(t), "Mine", "still there?"); err != nil {
				t.Errorf("others: %v", err)
			}
			if grown := resident(t, g) - before; grown > 64<<20 {
				t.Errorf("the gateway has grown by %d MB", grown>>20)
			}
		})
	}
}

// settings gives up soon: a stalled write is what is expected.
func settings() func(p *peer) error {
	return func(p *peer) error {
		_ = p.conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
		return p.WriteSettings()
	}
}

func endlessHead() func(p *peer) error {
	begun := false
	return func(p *peer) error {
		if !begun {
			begun = true
			return p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.head(hpack.HeaderField{})})
		}
		return p.WriteContinuation(1, false, p.head(hpack.HeaderField{Name: "x", Value: strings.Repeat("x", 1000), Sensitive: true}))
	}
}

func rapidReset() func(p *peer) error {
	stream := uint32(1)
	return func(p *peer) error {
		if stream > 100_000 {
			return io.EOF
		}
		if err := p.open(stream, hpack.HeaderField{}); err != nil {
			return err
		}
		stream += 2
		return p.WriteRSTStream(stream-2, http2.ErrCodeCancel)
	}
}

func TestHeadsAndStreamsAreBounded(t *testing.T) {
	_, url := backend(t)
	g := gateway(t, url)
	p := newPeer(t, g.HTTP)
	streams := uint32(0)
	p.until(func(f http2.Frame) bool {
		s, ok := f.(*http2.SettingsFrame)
		if ok && !s.IsAck() {
			streams, _ = s.Value(http2.SettingMaxConcurrentStreams)
		}
		return ok
	})
	if streams != 250 {
		t.Fatalf("%d streams at a time", streams)
	}
	for n := range streams + 1 {
		if err := p.open(2*n+1, hpack.HeaderField{}); err != nil {
			t.Fatal(err)
		}
	}
	if !p.until(func(f http2.Frame) bool {
		r, ok := f.(*http2.RSTStreamFrame)
		return ok && r.ErrCode == http2.ErrCodeRefusedStream || goAway(f)
	}) {
		t.Error("one stream too many was neither refused nor the end")
	}
	large := newPeer(t, g.HTTP)
	if err := large.open(1, hpack.HeaderField{Name: "x", Value: strings.Repeat("x", 12_000)}); err != nil {
		t.Fatal(err)
	}
	answer := ""
	large.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	large.until(func(f http2.Frame) bool {
		if h, ok := f.(*http2.MetaHeadersFrame); ok {
			answer = fmt.Sprint(h.Fields)
		}
		return answer != ""
	})
	if !strings.Contains(answer, `"grpc-status" = "8"`) && !strings.Contains(answer, `":status" = "431"`) {
		t.Errorf("a head of 12 KB: %s", answer)
	}
}

// resident gives the gateway's memory in bytes.
func resident(t *testing.T, g *harness.Gateway) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", g.Pid()))
	if err != nil {
		t.Skip(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(data))[1])
	return pages * os.Getpagesize()
}
