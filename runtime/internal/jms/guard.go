package jms

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// guard stands between the broker and the AMQP client. The client trusts what
// it reads: a length, a frame type or a table that no broker should send makes
// it panic or take all memory. So every frame is read whole, checked to its
// last byte, and only then given on. What does not fit ends the connection.
//
// The client's reading goroutine also waits for ever where an answer comes that
// nobody asked for, or anything on a channel that is not open: the guard knows
// what was asked. And it buffers messages without bound: the guard counts them.
//
// Section 4 of the AMQP contract lists what such bytes have done.
type guard struct {
	net.Conn
	in      *bufio.Reader
	frame   []byte // the checked frame that is being read, head and end included
	rest    []byte // of frame
	content *content
	closed  bool // the broker has closed the channel
	pause   bool // after open-ok
	err     error

	asked   asked
	waiting atomic.Int64 // messages that were read and not handled
}

// content is between a method that carries a message and the message's last
// byte.
type content struct {
	head bool   // the content header comes next
	left uint64 // body bytes to come
}

// Bounds of what a broker may send. Messages of this protocol have a few
// hundred bytes.
const (
	frameMax   = 128 << 10 // also proposed to the broker, head and end included
	frameMin   = 4096      // AMQP 0-9-1 section 4.2.3
	bodyMax    = 1 << 20
	channelMax = 1 // also proposed
	tableDepth = 8
)

// writeBound is how long the broker may leave what it is sent unread.
const writeBound = 3 * time.Second

const (
	frameHead = 7 // type, channel, size
	frameEnd  = 0xce

	frameMethod    = 1
	frameHeader    = 2
	frameBody      = 3
	frameHeartbeat = 8
)

// errBroker is wrapped by every complaint about the broker.
var errBroker = errors.New("the broker breaks the protocol")

func newGuard(conn net.Conn) *guard {
	return &guard{Conn: conn, in: bufio.NewReaderSize(conn, 16<<10), asked: asked{first: make(chan struct{})}}
}

// Write sends what the client has to say, and notes what it asks.
func (g *guard) Write(p []byte) (int, error) {
	g.asked.note(p)
	if err := g.SetWriteDeadline(time.Now().Add(writeBound)); err != nil {
		return 0, err
	}
	return g.Conn.Write(p)
}

// handled tells that one of the messages needs no memory any more.
func (g *guard) handled() { g.waiting.Add(-1) }

// Read gives bytes of checked frames only. It waits for a frame's last byte
// before it gives the first.
func (g *guard) Read(p []byte) (int, error) {
	if len(g.rest) == 0 && g.err == nil {
		if g.pause {
			// The client prepares its channels without a lock once it has
			// open-ok, and asks for one right after: a loss must not come between.
			<-g.asked.first
			g.pause = false
		}
		g.err = g.next()
	}
	if len(g.rest) == 0 {
		return 0, g.err
	}
	n := copy(p, g.rest)
	g.rest = g.rest[n:]
	return n, nil
}

// next reads and checks one frame.
func (g *guard) next() error {
	head := make([]byte, frameHead)
	if _, err := io.ReadFull(g.in, head); err != nil {
		return err
	}
	kind, channel, size := head[0], binary.BigEndian.Uint16(head[1:]), binary.BigEndian.Uint32(head[3:])
	switch {
	case kind != frameMethod && kind != frameHeader && kind != frameBody && kind != frameHeartbeat:
		return fmt.Errorf("%w: frame type %d", errBroker, kind)
	case channel > channelMax:
		return fmt.Errorf("%w: channel %d", errBroker, channel)
	case size > frameMax-frameHead-1:
		return fmt.Errorf("%w: frame of %d bytes", errBroker, size)
	case kind == frameHeartbeat && (channel != 0 || size != 0):
		return fmt.Errorf("%w: heartbeat of %d bytes on channel %d", errBroker, size, channel)
	}
	g.frame = append(g.frame[:0], head...)
	g.frame = append(g.frame, make([]byte, size+1)...)
	if _, err := io.ReadFull(g.in, g.frame[frameHead:]); err != nil {
		return fmt.Errorf("amid a frame: %w", err)
	}
	payload := g.frame[frameHead : len(g.frame)-1]
	if g.frame[len(g.frame)-1] != frameEnd {
		return fmt.Errorf("%w: a frame does not end where it says", errBroker)
	}
	if err := g.check(kind, channel, payload); err != nil {
		return fmt.Errorf("%w: %w", errBroker, err)
	}
	g.rest = g.frame
	return nil
}

func (g *guard) check(kind byte, channel uint16, payload []byte) error {
	if g.closed && channel != 0 && kind != frameMethod {
		return errClosedChannel
	}
	switch kind {
	case frameMethod:
		if g.content != nil && channel != 0 {
			return errors.New("a method amid a message")
		}
		return g.checkMethod(channel, payload)
	case frameHeader:
		if channel == 0 || g.content == nil || !g.content.head {
			return errors.New("a content header without its method")
		}
		size, err := checkHeader(payload)
		if g.content = nil; size > 0 {
			g.content = &content{left: size}
		}
		return err
	case frameBody:
		c := g.content
		if channel == 0 || c == nil || c.head || len(payload) == 0 || uint64(len(payload)) > c.left {
			return errors.New("a body that no header announced")
		}
		if c.left -= uint64(len(payload)); c.left == 0 {
			g.content = nil
		}
	}
	return nil
}

var errClosedChannel = errors.New("a frame on a channel that is closed")

// checkMethod checks that a method may come now, and its arguments.
func (g *guard) checkMethod(channel uint16, payload []byte) error {
	id, err := checkArguments(channel, payload)
	switch {
	case err != nil:
		return err
	case methods[id].answer && !g.asked.answered(channel, id):
		return fmt.Errorf("method %d.%d, which nobody asked for", id.class, id.method)
	case channel == 0:
		g.pause = id == connectionOpenOk
		return nil
	case g.closed && id != channelCloseOk:
		return errClosedChannel
	case id == channelClose:
		g.closed = true
	case id == basicDeliver:
		g.content = &content{head: true}
		if !g.asked.consumes() {
			return errors.New("a message for nobody")
		}
		if g.waiting.Add(1) > prefetch {
			return errors.New("more messages than were asked for")
		}
	case !methods[id].answer && !g.asked.opened():
		return errClosedChannel
	}
	return nil
}

// methodID is a method's class and number.
type methodID struct{ class, method uint16 }

// Methods that mean something here.
var (
	connectionStart  = methodID{10, 10}
	connectionTune   = methodID{10, 30}
	connectionOpenOk = methodID{10, 41}
	channelClose     = methodID{20, 40}
	channelCloseOk   = methodID{20, 41}
	basicDeliver     = methodID{60, 60}
)

// methods lists what a broker may send to this client, which asks for neither
// transactions nor confirmations nor the return of messages. The layout of the
// arguments: octet o, short h, long l, long long L, bits b, short string s,
// long string S, table T.
var methods = map[methodID]struct {
	layout string
	answer bool // comes only where it was asked for
}{
	connectionStart:  {"ooTSS", true},
	connectionTune:   {"hlh", true},
	connectionOpenOk: {"s", true},
	{10, 50}:         {"hshh", false}, // close
	{10, 51}:         {"", true},      // close-ok
	{10, 60}:         {"s", false},    // blocked
	{10, 61}:         {"", false},     // unblocked
	{20, 11}:         {"S", true},     // channel.open-ok
	{20, 20}:         {"b", false},    // flow
	channelClose:     {"hshh", false},
	channelCloseOk:   {"", true},
	{50, 11}:         {"sll", true}, // queue.declare-ok
	{50, 21}:         {"", true},    // bind-ok
	{60, 11}:         {"", true},    // basic.qos-ok
	{60, 21}:         {"s", true},   // consume-ok
	{60, 30}:         {"sb", false}, // cancel
	basicDeliver:     {"sLbss", false},
}

func checkArguments(channel uint16, payload []byte) (methodID, error) {
	r := &reader{rest: payload}
	id := methodID{uint16(r.uint(2)), uint16(r.uint(2))}
	method, known := methods[id]
	switch {
	case r.err != nil || !known:
		return id, fmt.Errorf("method %d.%d", id.class, id.method)
	case (id.class == 10) != (channel == 0):
		return id, fmt.Errorf("method %d.%d on channel %d", id.class, id.method, channel)
	case id == connectionTune && len(payload) == 12:
		// A client that cuts messages into pieces of nothing never ends.
		if size := binary.BigEndian.Uint32(payload[6:]); size != 0 && size < frameMin {
			return id, fmt.Errorf("frames of at most %d bytes", size)
		}
	}
	for _, kind := range []byte(method.layout) {
		r.skip(kind, 0)
	}
	if r.err == nil && len(r.rest) > 0 {
		r.fail(errors.New("more arguments than it has"))
	}
	if r.err != nil {
		return id, fmt.Errorf("method %d.%d: %w", id.class, id.method, r.err)
	}
	return id, nil
}

// properties is the layout of a message's properties, in the order of the bits
// of the flags that say which are there.
const properties = "ssToossssLssss"

// checkHeader gives the size of the body that follows.
func checkHeader(payload []byte) (uint64, error) {
	r := &reader{rest: payload}
	class, weight, size, flags := r.uint(2), r.uint(2), r.uint(8), r.uint(2)
	switch {
	case r.err != nil:
		return 0, r.err
	case class != 60 || weight != 0:
		return 0, fmt.Errorf("content header of class %d, weight %d", class, weight)
	case size > bodyMax:
		return 0, fmt.Errorf("a message of %d bytes", size)
	case flags&3 != 0:
		return 0, errors.New("unknown property flags")
	}
	for i, kind := range []byte(properties) {
		if flags&(1<<(15-i)) != 0 {
			r.skip(kind, 0)
		}
	}
	if r.err == nil && len(r.rest) > 0 {
		r.fail(errors.New("more properties than it says"))
	}
	return size, r.err
}

// skip checks and passes over one argument.
func (r *reader) skip(kind byte, depth int) {
	switch kind {
	case 'o', 'b':
		r.bytes(1)
	case 'h':
		r.bytes(2)
	case 'l':
		r.bytes(4)
	case 'L':
		r.bytes(8)
	case 's':
		r.bytes(r.uint(1))
	case 'S':
		r.bytes(r.uint(4))
	case 'T':
		r.nested(depth, func(in *reader) {
			in.skip('s', depth)
			in.skipField(depth + 1)
		})
	}
}

// skipField checks a tagged value of a table or array: the tags that the
// client knows.
func (r *reader) skipField(depth int) {
	switch tag := byte(r.uint(1)); tag {
	case 'V':
	case 't', 'b':
		r.bytes(1)
	case 's':
		r.bytes(2)
	case 'I', 'f':
		r.bytes(4)
	case 'D':
		r.bytes(5)
	case 'l', 'd', 'T':
		r.bytes(8)
	case 'S', 'x':
		r.bytes(r.uint(4))
	case 'F':
		r.skip('T', depth)
	case 'A':
		r.nested(depth, func(in *reader) { in.skipField(depth + 1) })
	default:
		r.fail(fmt.Errorf("a table value of type %q", tag))
	}
}

// nested checks what stands in the next length-prefixed part, item by item.
func (r *reader) nested(depth int, item func(*reader)) {
	if depth > tableDepth {
		r.fail(errors.New("tables too deep in each other"))
		return
	}
	in := &reader{rest: r.bytes(r.uint(4))}
	for in.err == nil && len(in.rest) > 0 {
		item(in)
	}
	if in.err != nil {
		r.fail(in.err)
	}
}
