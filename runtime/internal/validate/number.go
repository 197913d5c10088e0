package validate

import (
	"bytes"
	"fmt"
	"math/big"
	"strconv"
)

// bound is a number of a schema. Small whole ones, which nearly all are, are
// compared as such.
type bound struct {
	text  string
	small int64
	whole bool // small is it
	exact *big.Rat
}

func newBound(literal string) (*bound, error) {
	exact, ok := new(big.Rat).SetString(literal)
	if !ok {
		return nil, fmt.Errorf("%q is no number", literal)
	}
	b := &bound{text: literal, exact: exact}
	b.small, b.whole = smallInt([]byte(literal))
	return b, nil
}

// smallInt reads a whole number of up to 18 digits.
func smallInt(literal []byte) (int64, bool) {
	digits := bytes.TrimPrefix(literal, []byte("-"))
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(literal) {
		n = -n
	}
	return n, true
}

// compare gives the sign of value - bound.
func (c *check) compare(literal []byte, b *bound) int {
	if n, small := smallInt(literal); small && b.whole {
		switch {
		case n < b.small:
			return -1
		case n > b.small:
			return 1
		}
		return 0
	}
	if b.whole {
		if sign, ok := compareFraction(literal, b.small); ok {
			return sign
		}
	}
	return c.rational(literal).Cmp(b.exact)
}

// compareFraction compares a short number with a point, like 9.99, to a whole
// one.
func compareFraction(literal []byte, whole int64) (int, bool) {
	before, after, found := bytes.Cut(literal, []byte("."))
	n, ok := smallInt(before)
	if !found || !ok || bytes.IndexByte(after, 'e') >= 0 || bytes.IndexByte(after, 'E') >= 0 {
		return 0, false
	}
	switch {
	case n < whole:
		return -1, true
	case n > whole:
		return 1, true
	case len(bytes.Trim(after, "0")) == 0:
		return 0, true
	case literal[0] == '-':
		return -1, true
	}
	return 1, true
}

// rational gives a number exactly. The parser has bounded its digits and its
// exponent; that it is dear is counted.
func (c *check) rational(literal []byte) *big.Rat {
	c.steps -= dearNumber
	c.rat.SetString(string(literal))
	return &c.rat
}

// dearNumber is what exact arithmetic costs, in steps.
const dearNumber = 30

func (c *check) multiple(literal []byte, of *big.Rat) bool {
	return new(big.Rat).Quo(c.rational(literal), of).IsInt()
}

// decimal is a number in the one form that equal numbers share: digits without
// zeros at either end, times ten to the exponent.
type decimal struct {
	negative bool
	digits   [maxNumber]byte
	length   int
	exponent int
}

func (d *decimal) read(literal []byte) {
	*d = decimal{}
	mantissa, after := literal, false
	if i := bytes.IndexAny(literal, "eE"); i >= 0 {
		mantissa = literal[:i]
		d.exponent, _ = strconv.Atoi(string(literal[i+1:])) // bounded by the parser
	}
	for _, c := range mantissa {
		switch {
		case c == '-':
			d.negative = true
		case c == '.':
			after = true
		default:
			if after {
				d.exponent--
			}
			if c != '0' || d.length > 0 {
				d.digits[d.length] = c
				d.length++
			}
		}
	}
	for d.length > 0 && d.digits[d.length-1] == '0' {
		d.length--
		d.exponent++
	}
	if d.length == 0 {
		d.negative, d.exponent = false, 0
	}
}

// isInteger holds for 1, 1.0 and 1e3.
func isInteger(literal []byte) bool {
	if _, small := smallInt(literal); small {
		return true
	}
	var d decimal
	d.read(literal)
	return d.exponent >= 0
}

func sameNumber(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y decimal
	x.read(a)
	y.read(b)
	return x.negative == y.negative && x.exponent == y.exponent && bytes.Equal(x.digits[:x.length], y.digits[:y.length])
}
