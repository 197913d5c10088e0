package jms

import (
	"encoding/binary"
	"sync"
)

// asked is what the client waits for, read off the bytes that it sends: on
// each channel one answer at a time.
type asked struct {
	mu        sync.Mutex
	head      []byte // of the frame that is being sent, up to its method
	left      int    // bytes of the frame beyond
	answers   [channelMax + 1]methodID
	open      bool // the channel
	consuming bool
	first     chan struct{} // closed when the channel is asked for
}

const (
	protocolHeader = 8             // "AMQP" and the version
	methodHead     = frameHead + 4 // up to the method's number
)

// note follows what is sent. Frames are not cut at its calls.
func (a *asked) note(p []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(p) > 0 {
		if a.left > 0 {
			n := min(a.left, len(p))
			p, a.left = p[n:], a.left-n
			continue
		}
		a.head = append(a.head, p[0])
		p = p[1:]
		switch {
		case a.head[0] == 'A':
			if len(a.head) == protocolHeader {
				a.answers[0], a.head = connectionStart, a.head[:0]
			}
		case a.head[0] == frameMethod && len(a.head) == methodHead:
			a.method(binary.BigEndian.Uint16(a.head[1:]), methodID{binary.BigEndian.Uint16(a.head[7:]), binary.BigEndian.Uint16(a.head[9:])})
			a.rest(4)
		case a.head[0] != frameMethod && len(a.head) == frameHead:
			a.rest(0)
		}
	}
}

// rest passes over what remains of a frame of whose payload some was read.
func (a *asked) rest(read int) {
	a.left = int(binary.BigEndian.Uint32(a.head[3:])) - read + 1
	a.head = a.head[:0]
}

// method notes a method of the client's. The number of an answer follows its
// question's, with one exception.
func (a *asked) method(channel uint16, id methodID) {
	if channel > channelMax {
		return
	}
	answer := methodID{id.class, id.method + 1}
	if id == (methodID{10, 11}) { // start-ok
		answer = connectionTune
	}
	if !methods[answer].answer {
		return
	}
	a.answers[channel] = answer
	if !a.open && answer == (methodID{20, 11}) {
		a.open = true
		close(a.first)
	}
	a.consuming = a.consuming || answer == methodID{60, 21}
}

// answered tells whether a method is the answer that the channel waits for, and
// notes that it has come.
func (a *asked) answered(channel uint16, id methodID) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answers[channel] != id {
		return false
	}
	a.answers[channel] = methodID{}
	return true
}

func (a *asked) opened() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}

func (a *asked) consumes() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.consuming
}
