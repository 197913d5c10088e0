package jms

import (
	"fmt"
	"math"
	"unicode/utf16"
)

// decodeLegacyMap reads the body of jms/map-message (section 1.5 of the AMQP
// contract): count32, entries of NUL-terminated key, type and value.
func decodeLegacyMap(body []byte) (map[string]any, error) {
	r := &reader{rest: body}
	count := r.int(4)
	if count < 0 || count > maxEntries {
		return nil, fmt.Errorf("a map of %d entries", count)
	}
	fields := map[string]any{}
	for range count {
		key := r.zeroTerminated()
		value := r.legacyValue(byte(r.uint(1)))
		if r.err != nil {
			return nil, r.err
		}
		fields[key] = value
	}
	return fields, r.err
}

func (r *reader) legacyValue(kind byte) any {
	switch kind {
	case 1:
		return r.uint(1) != 0
	case 2:
		return r.int(1)
	case 3:
		n := r.int(4)
		if n < 0 {
			return nil
		}
		return r.bytes(uint64(n))
	case 4:
		return r.int(2)
	case 5:
		return string(utf16.Decode([]uint16{uint16(r.uint(2))}))
	case 6:
		return r.int(4)
	case 7:
		return r.int(8)
	case 8:
		return float64(math.Float32frombits(uint32(r.uint(4))))
	case 9:
		return math.Float64frombits(r.uint(8))
	case 10:
		return r.zeroTerminated()
	case 11:
		return nil
	}
	r.fail(fmt.Errorf("unknown type %d", kind))
	return nil
}
