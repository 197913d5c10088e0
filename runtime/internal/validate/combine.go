package validate

// marks are the members and elements, by node, that some schema has looked at:
// what unevaluatedProperties and unevaluatedItems leave alone. A nil one takes
// none.
type marks struct{ nodes map[uint32]bool }

// add gives its cost in steps.
func (m *marks) add(node uint32) int {
	if m == nil {
		return 0
	}
	if m.nodes == nil {
		m.nodes = map[uint32]bool{}
	}
	m.nodes[node] = true
	return 1
}

func (m *marks) merge(other *marks) int {
	if m == nil || other == nil {
		return 0
	}
	for node := range other.nodes {
		m.add(node)
	}
	return len(other.nodes)
}

// branch gives marks for a schema that may fail, whose marks then do not count.
func (m *marks) branch() *marks {
	if m == nil {
		return nil
	}
	return new(marks)
}

// combined applies the schemas that speak of the same value.
func (c *check) combined(s *schema, i uint32, seen *marks) bool {
	ok := true
	for _, of := range s.allOf {
		if !c.more(ok) {
			return false
		}
		ok = c.apply(of, i, seen) && ok
	}
	if s.anyOf != nil && c.more(ok) {
		ok = c.anyOf(s.anyOf, i, seen) && ok
	}
	if s.oneOf != nil && c.more(ok) {
		ok = c.oneOf(s.oneOf, i, seen) && ok
	}
	if s.not != nil && c.silently(s.not, i, nil) {
		ok = c.fail("is what it must not be")
	}
	if s.if_ != nil && c.more(ok) {
		ok = c.conditional(s, i, seen) && ok
	}
	return ok
}

func (c *check) silently(s *schema, i uint32, seen *marks) bool {
	c.quiet++
	ok := c.apply(s, i, seen)
	c.quiet--
	return ok
}

// try applies a schema without a word and keeps its marks when it accepts.
func (c *check) try(s *schema, i uint32, seen *marks) bool {
	branch := seen.branch()
	if !c.silently(s, i, branch) {
		return false
	}
	c.steps -= seen.merge(branch)
	return true
}

func (c *check) anyOf(of []*schema, i uint32, seen *marks) bool {
	matched := false
	for _, s := range of {
		if c.try(s, i, seen) {
			if matched = true; seen == nil {
				return true
			}
		}
	}
	return matched || c.none(of, i)
}

func (c *check) oneOf(of []*schema, i uint32, seen *marks) bool {
	matched := 0
	for _, s := range of {
		if c.try(s, i, seen) {
			if matched++; matched > 1 {
				return c.fail("matches more than one of the alternatives of which it must match one")
			}
		}
	}
	return matched == 1 || c.none(of, i)
}

func (c *check) conditional(s *schema, i uint32, seen *marks) bool {
	then := s.else_
	if c.try(s.if_, i, seen) {
		then = s.then
	}
	return then == nil || c.apply(then, i, seen)
}

// none tells why no alternative accepts a value: what the one says that was
// meant, where that is plain.
func (c *check) none(of []*schema, i uint32) bool {
	if c.quiet > 0 {
		return false
	}
	var meant *schema
	for _, s := range of {
		switch {
		case !c.plausible(s, i):
		case meant != nil:
			return c.fail("matches none of the %d alternatives", len(of))
		default:
			meant = s
		}
	}
	if meant == nil {
		return c.fail("matches none of the %d alternatives", len(of))
	}
	return c.apply(meant, i, nil)
}

// plausible tells whether a value has the type of a schema, and the words that
// tell alternatives apart.
func (c *check) plausible(s *schema, i uint32) bool {
	for hops := 0; s.ref != nil && hops < 8; hops++ {
		s = s.ref.get()
	}
	if s.types != 0 && !c.hasType(s.types, i) {
		return false
	}
	if c.nodes[i].kind != object {
		return true
	}
	for p := i + 1; p < c.nodes[i].next; p = c.nodes[p+1].next {
		c.steps--
		if of := s.properties[string(c.text(&c.nodes[p]))]; of != nil && of.enum != nil && !c.listed(of, p+1) {
			return false
		}
	}
	return true
}

// rest applies what is said of members and elements that nobody looked at.
func (c *check) rest(s *schema, i uint32, seen *marks) bool {
	ok := true
	if c.nodes[i].kind == object {
		for p := i + 1; p < c.nodes[i].next && c.more(ok); p = c.nodes[p+1].next {
			if !seen.nodes[p] {
				ok = c.unseen(s.unevaluated, step{name: p, index: -1}, p+1) && ok
				seen.add(p)
			}
		}
		return ok
	}
	index := 0
	for p := i + 1; p < c.nodes[i].next && c.more(ok); p, index = c.nodes[p].next, index+1 {
		if !seen.nodes[p] {
			ok = c.unseen(s.unevaluatedItems, step{index: index}, p) && ok
			seen.add(p)
		}
	}
	return ok
}

func (c *check) unseen(s *schema, at step, value uint32) bool {
	c.path = append(c.path, at)
	ok := false
	if s.never {
		c.fail("this key or item is not allowed")
	} else {
		ok = c.apply(s, value, nil)
	}
	c.path = c.path[:len(c.path)-1]
	return ok
}
