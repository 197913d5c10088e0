package validate

import (
	"fmt"
	"math/big"
	"unicode/utf8"
)

// check applies schemas to one document. It stops when it has spent its steps:
// alternatives that refer to themselves double the work with each level of a
// hostile body.
type check struct {
	document
	steps   int
	depth   int
	overrun bool
	rat     big.Rat

	quiet  int // above 0, only the result counts
	path   []step
	errors []string
}

// step is a step on the way to a value: the name of a member, or an index.
type step struct {
	name  uint32
	index int // -1: a name
}

// What a check may cost. A step takes some 50 ns; schemas that people write
// take from 2 to 30 a value, long lists of alternatives some hundreds.
const (
	baseSteps  = 20_000
	valueSteps = 1_000
	mostSteps  = 10_000_000

	// maxCalls bounds recursion: nesting times what applies at one value.
	maxCalls = 8 * maxDepth

	// textStep is how many bytes of a string cost a step.
	textStep = 16
)

// maxErrors bounds what an answer says.
const maxErrors = 10

// begin makes ready for a document that was parsed.
func (c *check) begin() {
	c.steps = min(baseSteps+valueSteps*len(c.nodes), mostSteps)
	c.depth, c.overrun, c.quiet = 0, false, 0
	c.path, c.errors = c.path[:0], c.errors[:0]
}

// apply tells whether value i is one that a schema accepts. Unless quiet, it
// notes what is wrong. seen takes the members and elements that were looked at,
// where somebody wants to know.
func (c *check) apply(s *schema, i uint32, seen *marks) bool {
	if c.steps--; c.steps < 0 || c.depth >= maxCalls || c.overrun {
		c.overrun = true
		return false
	}
	c.depth++
	ok := c.applyAll(s, i, seen)
	c.depth--
	return ok
}

func (c *check) applyAll(s *schema, i uint32, seen *marks) bool {
	if s == anything {
		return true
	}
	if s.never {
		return c.fail("no value is allowed here")
	}
	if s.types != 0 && !c.hasType(s.types, i) {
		return c.fail("expected type: %s, found: %s", s.types, c.typeOf(i))
	}
	if s.enum != nil && !c.listed(s, i) {
		return c.fail("not a valid enum value")
	}
	mine := seen
	if s.unevaluated != nil && c.nodes[i].kind == object || s.unevaluatedItems != nil && c.nodes[i].kind == array {
		mine = new(marks)
	}
	ok := s.ref == nil || c.apply(s.ref.get(), i, mine)
	ok = c.more(ok) && c.own(s, i, mine) && ok
	ok = c.more(ok) && c.combined(s, i, mine) && ok
	if mine != seen {
		ok = c.more(ok) && c.rest(s, i, mine) && ok
		seen.merge(mine)
	}
	return ok
}

// more tells whether to look on: after a failure only for more to report.
func (c *check) more(ok bool) bool {
	return ok || c.quiet == 0 && len(c.errors) < maxErrors && !c.overrun
}

func (c *check) own(s *schema, i uint32, seen *marks) bool {
	switch c.nodes[i].kind {
	case number:
		return c.number(s, i)
	case text:
		return c.string(s, i)
	case array:
		return c.array(s, i, seen)
	case object:
		return c.object(s, i, seen)
	}
	return true
}

// fail notes what is wrong at the current place. It never repeats what the
// body says: that may be secret, and long.
func (c *check) fail(format string, args ...any) bool {
	if c.quiet == 0 && len(c.errors) < maxErrors {
		c.errors = append(c.errors, c.pointer()+": "+fmt.Sprintf(format, args...))
	}
	return false
}

func (c *check) hasType(types typeSet, i uint32) bool {
	n := &c.nodes[i]
	switch n.kind {
	case null:
		return types&nullType != 0
	case boolean:
		return types&booleanType != 0
	case number:
		return types&numberType != 0 || types&integerType != 0 && isInteger(c.data[n.start:n.end])
	case text:
		return types&stringType != 0
	case array:
		return types&arrayType != 0
	}
	return types&objectType != 0
}

func (c *check) typeOf(i uint32) string {
	return [...]string{null: "null", boolean: "boolean", number: "number", text: "string", array: "array", object: "object"}[c.nodes[i].kind]
}

// String names the types as messages do.
func (t typeSet) String() string {
	out := ""
	for i, name := range typeNames {
		if t&(1<<i) != 0 {
			if out != "" {
				out += " or "
			}
			out += name
		}
	}
	return out
}

func (c *check) listed(s *schema, i uint32) bool {
	n := &c.nodes[i]
	size := int(n.next-i) + int(n.end-n.start)/textStep
	for k := range s.enum {
		c.steps -= size
		if equal(&c.document, i, &s.enum[k], 0) {
			return true
		}
	}
	return false
}

func (c *check) number(s *schema, i uint32) bool {
	literal, ok := c.data[c.nodes[i].start:c.nodes[i].end], true
	if s.minimum != nil && c.compare(literal, s.minimum) < 0 {
		ok = c.fail("must be %s or more", s.minimum.text)
	}
	if s.maximum != nil && c.compare(literal, s.maximum) > 0 {
		ok = c.fail("must be %s or less", s.maximum.text)
	}
	if s.above != nil && c.compare(literal, s.above) <= 0 {
		ok = c.fail("must be more than %s", s.above.text)
	}
	if s.below != nil && c.compare(literal, s.below) >= 0 {
		ok = c.fail("must be less than %s", s.below.text)
	}
	if s.multipleOf != nil && !c.multiple(literal, s.multipleOf) {
		ok = c.fail("must be a multiple of %s", s.multipleOf.RatString())
	}
	return ok
}

func (c *check) string(s *schema, i uint32) bool {
	if s.minLength == 0 && s.maxLength < 0 && s.pattern == nil && s.format == nil {
		return true
	}
	value, ok := c.text(&c.nodes[i]), true
	c.steps -= len(value) / textStep
	length := utf8.RuneCount(value)
	if length < s.minLength {
		ok = c.fail("expected minLength: %d, actual: %d", s.minLength, length)
	}
	if s.maxLength >= 0 && length > s.maxLength {
		ok = c.fail("expected maxLength: %d, actual: %d", s.maxLength, length)
	}
	if s.format != nil && !s.format(value) {
		ok = c.fail("not a valid %s", s.formatName)
	}
	if s.pattern != nil {
		if c.steps -= len(value); c.steps < 0 { // some machine states a byte
			c.overrun = true
			return false
		}
		if !s.pattern.Match(value) {
			ok = c.fail("does not match pattern %s", clip(s.pattern.String()))
		}
	}
	return ok
}

// maxShown bounds a name or pattern in a message.
const maxShown = 60

func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	end := maxShown
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}
