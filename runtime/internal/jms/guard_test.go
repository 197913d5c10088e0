package jms

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// Bytes of a broker.

func frame(kind byte, channel int, payload ...byte) []byte {
	b := []byte{kind}
	b = binary.BigEndian.AppendUint16(b, uint16(channel))
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return append(append(b, payload...), frameEnd)
}

func method(channel int, class, number uint16, arguments ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, class)
	b = binary.BigEndian.AppendUint16(b, number)
	return frame(frameMethod, channel, append(b, arguments...)...)
}

func short(s string) []byte { return append([]byte{byte(len(s))}, s...) }
func long(s string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func u16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// table is one whose only value has the name x.
func table(value ...byte) []byte { return long(string(append(short("x"), value...))) }

func start(properties []byte) []byte {
	return method(0, 10, 10, join([]byte{0, 9}, properties, long("PLAIN AMQPLAIN"), long("en_US"))...)
}

func tune(channels uint16, frames uint32) []byte {
	return method(0, 10, 30, join(u16(channels), u32(frames), u16(0))...)
}

func header(size uint64, flags uint16, properties ...byte) []byte {
	return frame(frameHeader, 1, join(u16(60), u16(0), u64(size), u16(flags), properties)...)
}

var (
	plainStart = start(long(""))
	plainTune  = tune(2047, 131072)
	openOk     = method(0, 10, 41, 0)
	channelOk  = method(1, 20, 11, long("")...)
	qosOk      = method(1, 60, 11)
	declareOk  = method(1, 50, 11, join(short("amq.gen-1"), u32(0), u32(0))...)
	bindOk     = method(1, 50, 21)
	deliver    = method(1, 60, 60, join(short("ctag"), u64(1), []byte{0}, short("amq.topic"), short("throttleData"))...)
)

// script is a broker on the loopback that says one thing after each of the
// client's questions, then something hostile, and then what last does.
type script struct {
	net.Listener
	answers [][]byte // the first to the protocol header
	hostile []byte
	last    func(net.Conn)
}

// all is what a broker says up to consume-ok.
func all(consumeOk []byte) [][]byte {
	return [][]byte{plainStart, plainTune, openOk, channelOk, qosOk, declareOk, bindOk, consumeOk}
}

func (s *script) serve() {
	for {
		conn, err := s.Accept()
		if err != nil {
			return
		}
		s.play(conn)
		conn.Close()
	}
}

// play answers questions: the protocol header, and each method that is one.
func (s *script) play(conn net.Conn) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil {
		return
	}
	tag := ""
	for i, answer := range s.answers {
		if i > 0 {
			if tag = question(conn); tag == "end" {
				return
			}
		}
		if answer == nil { // consume-ok names the consumer
			answer = method(1, 60, 21, short(tag)...)
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
	if len(s.answers) == 8 {
		s.hostile = bytes.ReplaceAll(s.hostile, short("ctag"), short(tag))
	}
	if _, err := conn.Write(s.hostile); err == nil && s.last != nil {
		s.last(conn)
	}
}

// question reads frames until one waits for an answer, and gives the consumer
// tag of a consume.
func question(conn net.Conn) string {
	for {
		head := make([]byte, frameHead)
		if _, err := io.ReadFull(conn, head); err != nil {
			return "end"
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(conn, payload); err != nil {
			return "end"
		}
		if head[0] != frameMethod {
			continue
		}
		switch id := (methodID{binary.BigEndian.Uint16(payload), binary.BigEndian.Uint16(payload[2:])}); id {
		case methodID{10, 31}: // tune-ok
		case methodID{60, 20}: // consume: reserved, queue, tag
			rest := payload[6:]
			rest = rest[1+rest[0]:]
			return string(rest[1 : 1+rest[0]])
		default:
			return ""
		}
	}
}

// drain reads until the client goes away.
func drain(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// repeat writes the same bytes until the client goes away.
func repeat(b []byte) func(net.Conn) {
	return func(conn net.Conn) {
		for {
			if _, err := conn.Write(b); err != nil {
				return
			}
		}
	}
}

// Each of these has crashed the AMQP client, or hung it, or taken all memory,
// or could. They are what a broker says after a number of answers.
var hostile = []struct {
	name    string
	answers [][]byte
	bytes   []byte
	last    func(net.Conn)
}{
	{"no AMQP", nil, []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), nil},
	{"another version", nil, []byte("AMQP\x01\x01\x00\x0a"), nil},
	{"silence", nil, nil, drain},
	{"half a frame and silence", nil, plainStart[:9], drain},
	{"an end that is none", nil, append(plainStart[:len(plainStart)-1:len(plainStart)-1], 0), drain},
	{"a 4 GiB frame", nil, []byte{frameMethod, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 10}, repeat(make([]byte, 64<<10))},
	{"unknown frame type", nil, frame(4, 0, 0), drain},
	{"a method without a number", nil, frame(frameMethod, 0, 0, 10), drain},
	{"a method cut short", nil, method(0, 10, 10, 0), drain},
	{"an unknown method", nil, method(0, 99, 99), drain},
	{"a long string beyond the frame", nil, method(0, 10, 10, join([]byte{0, 9}, long(""), u32(1<<31), []byte("PLAIN"))...), drain},
	{"a table beyond the frame", nil, start(u32(1 << 30)), drain},
	{"a value of negative length", nil, start(table(join([]byte{'x'}, u32(1<<31+5))...)), drain},
	{"an array of negative length", nil, start(table(join([]byte{'A'}, u32(1<<32-1))...)), drain},
	{"a table of unknown type", nil, start(table('?')), drain},
	{"tables in tables without end", nil, start(deep(200)), drain},
	{"frames of no size", [][]byte{plainStart}, tune(1, 8), drain},
	{"tune twice", [][]byte{plainStart}, join(plainTune, plainTune), drain},
	{"an answer that nobody asked for", [][]byte{plainStart, plainTune, openOk}, join(channelOk, declareOk), drain},
	{"heartbeat on a channel", [][]byte{plainStart, plainTune, openOk, channelOk}, frame(frameHeartbeat, 1), drain},
	{"a heartbeat with a body", [][]byte{plainStart, plainTune, openOk, channelOk}, frame(frameHeartbeat, 0, 1), drain},
	{"a channel that is not open", [][]byte{plainStart, plainTune, openOk}, deliver, drain},
	{"a second channel", all(nil), method(2, 20, 20, 1), drain},
	{"a message before a subscription", all(nil)[:5], join(deliver, header(0, 0)), drain},
	{"a message of 2^63 bytes", all(nil), join(deliver, header(1<<63, 0), frame(frameBody, 1, 'x')), drain},
	{"a message of 8 GiB", all(nil), join(deliver, header(8<<30, 0), frame(frameBody, 1, 'x')), drain},
	{"a header without a message", all(nil), header(1, 0), drain},
	{"a body without a header", all(nil), frame(frameBody, 1, 'x'), drain},
	{"a header on channel 0", all(nil), frame(frameHeader, 0, header(1, 0)[frameHead:]...), drain},
	{"a body longer than its header says", all(nil), join(deliver, header(2, 0), frame(frameBody, 1, 'x', 'y', 'z')), drain},
	{"a body of empty frames", all(nil), join(deliver, header(2, 0)), repeat(frame(frameBody, 1))},
	{"a method amid a message", all(nil), join(deliver, deliver), drain},
	{"header fields of negative length", all(nil), join(deliver, header(1, 1<<13, table(join([]byte{'x'}, u32(1<<31))...)...)), drain},
	{"property flags without properties", all(nil), join(deliver, header(1, 0xfffc)), drain},
	{"more property flags to come", all(nil), join(deliver, header(1, 1)), drain},
	{"messages on a closed channel", all(nil), join(method(1, 20, 40, join(u16(404), short("gone"), u16(0), u16(0))...), deliver), drain},
	{"the queue taken away", all(nil), method(1, 60, 30, join(short("ctag"), []byte{0})...), drain},
	{"closed politely", all(nil), method(0, 10, 50, join(u16(320), short("shutdown"), u16(0), u16(0))...), drain},
	{"silence after the subscription", all(nil), nil, drain},
	{"questions without reading the answers", all(nil), nil, repeat(method(1, 20, 20, 1))},
}

func deep(n int) []byte {
	inner := long("")
	for range n {
		inner = table(append([]byte{'F'}, inner...)...)
	}
	return inner
}

func TestAHostileBrokerCostsNoMoreThanItsConnection(t *testing.T) {
	for _, tc := range hostile {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := &script{Listener: ln, answers: tc.answers, hostile: tc.bytes, last: tc.last}
			done := make(chan struct{})
			go func() { defer close(done); s.serve() }()
			defer func() { ln.Close(); <-done }()

			u, err := ParseProviderURL("amqp://guest:guest@mgw/?brokerlist='tcp://"+ln.Addr().String()+"?connecttimeout='3000''", nil)
			if err != nil {
				t.Fatal(err)
			}
			lost := make(logged, 100)
			sub, err := NewSubscriber(Options{URL: u, Log: slog.New(lost)}, "throttleData", newRecorder())
			if err != nil {
				t.Fatal(err)
			}
			running(t, sub.Run)
			why := within(t, "end of the connection", lost)
			if tc.answers != nil && strings.Contains(why, "panic") {
				t.Error(why)
			}
		})
	}
}

// logged hands on what is logged: that the broker is away, and why.
type logged chan string

func (l logged) Enabled(context.Context, slog.Level) bool { return true }
func (l logged) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l logged) WithGroup(string) slog.Handler            { return l }
func (l logged) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	select {
	case l <- text:
	default:
	}
	return nil
}

// A broker that does not keep to the number of messages that was asked for is
// cut off before it has filled the memory.
func TestMessagesThatNobodyAskedForTakeNoMemory(t *testing.T) {
	body := bytes.Repeat([]byte{'x'}, 100_000)
	message := join(deliver, header(uint64(len(body)), 0), frame(frameBody, 1, body...))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan int, 1)
	s := &script{Listener: ln, answers: all(nil), last: func(conn net.Conn) {
		go drain(conn)
		sent := 0
		for ; sent < 100_000; sent++ {
			if _, err := conn.Write(message); err != nil {
				break
			}
		}
		over <- sent
		ln.Close()
	}}
	done := make(chan struct{})
	go func() { defer close(done); s.serve() }()
	defer func() { ln.Close(); <-done }()

	g := newGuard(dial(t, ln.Addr().String()))
	defer g.Close()
	ask(t, g)
	_, err = io.Copy(io.Discard, g)
	if !errors.Is(err, errBroker) || !strings.Contains(err.Error(), "more messages than were asked for") {
		t.Errorf("%v", err)
	}
	g.Close()
	if n := within(t, "end of the flood", over); n > 10*prefetch {
		t.Errorf("%d messages went out", n)
	}
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// questions are the client's, in their order, with what it does not wait for.
var questions = [][]byte{
	[]byte("AMQP\x00\x00\x09\x01"),
	method(0, 10, 11, join(long(""), short("PLAIN"), long(""), short("en_US"))...),
	join(method(0, 10, 31, join(u16(1), u32(frameMax), u16(1))...), method(0, 10, 40, join(short("/"), short(""), []byte{0})...)),
	method(1, 20, 10, short("")...),
	method(1, 60, 10, join(u32(0), u16(500), []byte{0})...),
	method(1, 50, 10, join(u16(0), short(""), []byte{0}, long(""))...),
	method(1, 50, 20, join(u16(0), short("q"), short("amq.topic"), short("throttleData"), []byte{0}, long(""))...),
	method(1, 60, 20, join(u16(0), short("q"), short("ctag"), []byte{0}, long(""))...),
}

// ask asks all of them and reads the answers.
func ask(t *testing.T, g *guard) {
	t.Helper()
	for i, q := range questions {
		if _, err := g.Write(q); err != nil {
			t.Fatal(err)
		}
		answer := all(method(1, 60, 21, short("ctag")...))[i]
		got := make([]byte, len(answer))
		if _, err := io.ReadFull(g, got); err != nil || !bytes.Equal(got, answer) {
			t.Fatalf("answer %d: %x, %v", i, got, err)
		}
	}
}

func TestWhatABrokerMaySayPassesUnchanged(t *testing.T) {
	fields := long(string(join(short("JMS_QPID_DESTTYPE"), []byte{'I'}, u32(2), short("nested"), []byte{'F'}, table(append([]byte{'S'}, long("v")...)...))))
	said := join(
		frame(frameHeartbeat, 0),
		deliver, header(5, 1<<15|1<<13|1<<12, join(short("text/plain"), fields, []byte{2})...), frame(frameBody, 1, 'h', 'e'), frame(frameBody, 1, 'l', 'l', 'o'),
		deliver, header(0, 0),
		method(0, 10, 60, short("low on memory")...), method(0, 10, 61),
		method(1, 20, 20, 1),
		method(1, 20, 40, join(u16(404), short("gone"), u16(0), u16(0))...),
	)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{Listener: ln, answers: all(nil), hostile: said}
	done := make(chan struct{})
	go func() { defer close(done); s.serve() }()
	defer func() { ln.Close(); <-done }()
	g := newGuard(dial(t, ln.Addr().String()))
	defer g.Close()
	ask(t, g)
	if got, err := io.ReadAll(g); err != nil || !bytes.Equal(got, said) {
		t.Errorf("%x, %v", got, err)
	}
}

// memory is a connection that was recorded.
type memory struct {
	net.Conn
	in io.Reader
}

func (m *memory) Read(p []byte) (int, error) { return m.in.Read(p) }

func FuzzGuard(f *testing.F) {
	for _, tc := range hostile {
		f.Add(join(join(tc.answers...), tc.bytes))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		g := newGuard(&memory{in: bytes.NewReader(said)})
		g.asked.open, g.asked.consuming, g.asked.answers[0] = true, true, connectionStart
		close(g.asked.first)
		read, err := io.ReadAll(g)
		if !bytes.HasPrefix(said, read) {
			t.Error("other bytes than the broker's")
		}
		if err == nil && len(read) != len(said) {
			t.Errorf("%d of %d bytes without an error", len(read), len(said))
		}
	})
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
