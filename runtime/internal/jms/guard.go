package jms

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
)

// guard stands between the broker and the AMQP client. The client trusts what
// it reads: a length, a frame type or a table that no broker should send makes
// it panic or take all memory. So every frame is read whole, checked to its
// last byte, and only then given on. What does not fit ends the connection.
//
// Section 4 of the AMQP contract lists what such bytes have done.
type guard struct {
	net.Conn
	in       *bufio.Reader
	frame    []byte // the checked frame that is being read, head and end included
	rest     []byte // of frame
	contents map[uint16]*content
	err      error
}

// content is where a channel is between a method that carries a message and
// the message's last byte.
type content struct {
	head bool   // the content header comes next
	left uint64 // body bytes to come
}

// Bounds of what a broker may send. Messages of this protocol have a few
// hundred bytes.
const (
	frameMax   = 128 << 10 // also proposed to the broker, head and end included
	bodyMax    = 1 << 20
	channelMax = 15 // also proposed
	tableDepth = 8
)

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
	return &guard{Conn: conn, in: bufio.NewReaderSize(conn, 16<<10), contents: map[uint16]*content{}}
}

// Read gives bytes of checked frames only. It waits for a frame's last byte
// before it gives the first.
func (g *guard) Read(p []byte) (int, error) {
	if len(g.rest) == 0 && g.err == nil {
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
		return err
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
	c := g.contents[channel]
	switch kind {
	case frameMethod:
		if c != nil {
			return errors.New("a method amid a message")
		}
		carries, err := checkMethod(channel, payload)
		if carries {
			g.contents[channel] = &content{head: true}
		}
		return err
	case frameHeader:
		if c == nil || !c.head {
			return errors.New("a content header without its method")
		}
		size, err := checkHeader(payload)
		if *c = (content{left: size}); size == 0 {
			delete(g.contents, channel)
		}
		return err
	case frameBody:
		if c == nil || c.head || len(payload) == 0 || uint64(len(payload)) > c.left {
			return errors.New("a body that no header announced")
		}
		if c.left -= uint64(len(payload)); c.left == 0 {
			delete(g.contents, channel)
		}
	}
	return nil
}

// methods lists what a broker may send to this client, and the layout of the
// arguments: octet o, short h, long l, long long L, bits b, short string s,
// long string S, table T.
var methods = map[[2]uint16]struct {
	layout  string
	carries bool // a message follows
}{
	{10, 10}:  {layout: "ooTSS"}, // connection.start
	{10, 20}:  {layout: "S"},     // secure
	{10, 30}:  {layout: "hlh"},   // tune
	{10, 41}:  {layout: "s"},     // open-ok
	{10, 50}:  {layout: "hshh"},  // close
	{10, 51}:  {},                // close-ok
	{10, 60}:  {layout: "s"},     // blocked
	{10, 61}:  {},                // unblocked
	{20, 11}:  {layout: "S"},     // channel.open-ok
	{20, 20}:  {layout: "b"},     // flow
	{20, 21}:  {layout: "b"},     // flow-ok
	{20, 40}:  {layout: "hshh"},  // close
	{20, 41}:  {},                // close-ok
	{40, 11}:  {},                // exchange.declare-ok
	{50, 11}:  {layout: "sll"},   // queue.declare-ok
	{50, 21}:  {},                // bind-ok
	{50, 41}:  {layout: "l"},     // delete-ok
	{60, 11}:  {},                // basic.qos-ok
	{60, 21}:  {layout: "s"},     // consume-ok
	{60, 30}:  {layout: "sb"},    // cancel
	{60, 31}:  {layout: "s"},     // cancel-ok
	{60, 50}:  {layout: "hsss", carries: true},
	{60, 60}:  {layout: "sLbss", carries: true}, // deliver
	{60, 80}:  {layout: "Lb"},                   // ack
	{60, 120}: {layout: "Lb"},                   // nack
	{85, 11}:  {},                               // confirm.select-ok
}

func checkMethod(channel uint16, payload []byte) (carries bool, err error) {
	r := &reader{rest: payload}
	id := [2]uint16{uint16(r.uint(2)), uint16(r.uint(2))}
	method, known := methods[id]
	switch {
	case r.err != nil || !known:
		return false, fmt.Errorf("method %d.%d", id[0], id[1])
	case (id[0] == 10) != (channel == 0):
		return false, fmt.Errorf("method %d.%d on channel %d", id[0], id[1], channel)
	}
	for _, kind := range []byte(method.layout) {
		r.skip(kind, 0)
	}
	if r.err == nil && len(r.rest) > 0 {
		r.fail(errors.New("more arguments than it has"))
	}
	if r.err != nil {
		return false, fmt.Errorf("method %d.%d: %w", id[0], id[1], r.err)
	}
	return method.carries, nil
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
