package wire

import (
	"sync"

	"mgw/runtime/internal/exchange"
)

// Sizes of the pooled buffers. The small one holds any usual head and a body
// of 10 KB beside it, so that such a request is read by one system call; the
// large one carries bodies; a request without one is kept in the least while
// the backend thinks.
const (
	headBuffer  = 2 << 10
	smallBuffer = 16 << 10
	largeBuffer = 64 << 10
)

var (
	headPool  = sync.Pool{New: func() any { return new([headBuffer]byte) }}
	smallPool = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largePool = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

func getHead() []byte  { return headPool.Get().(*[headBuffer]byte)[:] }
func getSmall() []byte { return smallPool.Get().(*[smallBuffer]byte)[:] }
func getLarge() []byte { return largePool.Get().(*[largeBuffer]byte)[:] }

// putBuffer gives a buffer back; one of another size is left to the collector.
func putBuffer(b []byte) {
	if exchange.Poison {
		for i := range b {
			b[i] = 0xDB
		}
	}
	switch cap(b) {
	case headBuffer:
		headPool.Put((*[headBuffer]byte)(b[:headBuffer]))
	case smallBuffer:
		smallPool.Put((*[smallBuffer]byte)(b[:smallBuffer]))
	case largeBuffer:
		largePool.Put((*[largeBuffer]byte)(b[:largeBuffer]))
	}
}
