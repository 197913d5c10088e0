package jms

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf16"
)

// The types of AMQP 0-10 values that have a meaning here (section 1.4 of the
// AMQP contract); others are skipped by the width that their high nibble tells.
const (
	typeInt8     = 0x01
	typeUint8    = 0x02
	typeChar     = 0x04
	typeBool     = 0x08
	typeInt16    = 0x11
	typeUint16   = 0x12
	typeInt32    = 0x21
	typeUint32   = 0x22
	typeFloat    = 0x23
	typeInt64    = 0x31
	typeUint64   = 0x32
	typeDouble   = 0x33
	typeDatetime = 0x38
	typeStr32    = 0x98
	typeVoid     = 0xf0
	typeBit      = 0xf1
)

// decodeMap reads an AMQP 0-10 map: size32, count32, entries of str8 key, type
// and value.
func decodeMap(body []byte) (map[string]any, error) {
	r := &reader{rest: body}
	if size := r.uint(4); size == 0 && r.err == nil {
		return map[string]any{}, nil // a null map
	} else if size > uint64(len(r.rest)) {
		return nil, errShort
	} else {
		r.rest = r.rest[:size]
	}
	count := r.uint(4)
	if count > maxEntries {
		return nil, fmt.Errorf("a map of %d entries", count)
	}
	fields := map[string]any{}
	for range count {
		key := string(r.bytes(r.uint(1)))
		value := r.value(byte(r.uint(1)))
		if r.err != nil {
			return nil, r.err
		}
		fields[key] = value
	}
	return fields, nil
}

// value reads a value of a type; one without a meaning here gives its bytes.
func (r *reader) value(kind byte) any {
	switch kind {
	case typeVoid:
		return nil
	case typeBit:
		return true
	case typeBool:
		return r.uint(1) != 0
	case typeInt8, typeInt16, typeInt32, typeInt64, typeDatetime:
		return r.int(width(kind))
	case typeUint8, typeUint16, typeUint32, typeUint64:
		return int64(min(r.uint(width(kind)), math.MaxInt64))
	case typeFloat:
		return float64(math.Float32frombits(uint32(r.uint(4))))
	case typeDouble:
		return math.Float64frombits(r.uint(8))
	case typeChar:
		return string(rune(r.uint(1)))
	case 0x84, 0x94: // str8, str16 of ISO 8859-1
		return latin1(r.variable(kind))
	case 0x85, 0x95, typeStr32:
		return string(r.variable(kind))
	case 0x86, 0x96:
		return utf16BE(r.variable(kind))
	}
	if kind >= 0x80 && kind < 0xc0 {
		return r.variable(kind)
	}
	return r.bytes(uint64(width(kind)))
}

// variable reads the bytes of a value whose length stands before it, in 1, 2
// or 4 bytes by the high nibble 8, 9, a.
func (r *reader) variable(kind byte) []byte {
	switch {
	case kind == typeStr32: // the one that does not follow the rule
		return r.bytes(r.uint(4))
	case kind>>4 == 0x8:
		return r.bytes(r.uint(1))
	case kind>>4 == 0x9:
		return r.bytes(r.uint(2))
	}
	return r.bytes(r.uint(4))
}

// width is the size of a value of fixed width, by its high nibble.
func width(kind byte) int {
	switch high := kind >> 4; {
	case high < 0x8:
		return 1 << high
	case high == 0xc:
		return 5
	case high == 0xd:
		return 9
	}
	return 0
}

func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

func utf16BE(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// encodeMap writes strings, booleans, 64-bit integers and nulls, the types
// that messages of this project hold.
func encodeMap(fields map[string]any) ([]byte, error) {
	b := make([]byte, 8, 256)
	for key, value := range fields {
		if len(key) > math.MaxUint8 {
			return nil, fmt.Errorf("key %.20q... is longer than %d bytes", key, math.MaxUint8)
		}
		b = append(b, byte(len(key)))
		b = append(b, key...)
		switch v := value.(type) {
		case nil:
			b = append(b, typeVoid)
		case bool:
			b = append(b, typeBool, bit(v))
		case int64:
			b = append(b, typeInt64)
			b = binary.BigEndian.AppendUint64(b, uint64(v))
		case string:
			b = append(b, typeStr32)
			b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
			b = append(b, v...)
		default:
			return nil, fmt.Errorf("field %q is a %T", key, value)
		}
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	binary.BigEndian.PutUint32(b[4:], uint32(len(fields)))
	return b, nil
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}
