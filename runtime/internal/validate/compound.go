package validate

func (c *check) object(s *schema, i uint32, seen *marks) bool {
	n, ok := c.nodes[i], true
	if int(n.count) < s.minProperties {
		ok = c.fail("expected minimum property count: %d, found: %d", s.minProperties, n.count)
	}
	if s.maxProperties >= 0 && int(n.count) > s.maxProperties {
		ok = c.fail("expected maximum property count: %d, found: %d", s.maxProperties, n.count)
	}
	if len(s.required) > 0 {
		ok = c.required(s.requiredSet, s.required, i) && ok
	}
	if s.properties != nil || s.patterns != nil || s.additional != nil || s.names != nil {
		for p := i + 1; p < n.next && c.more(ok); p = c.nodes[p+1].next {
			ok = c.member(s, p, seen) && ok
		}
	}
	return c.dependencies(s, i, seen) && ok
}

// required counts: no name comes twice.
func (c *check) required(set map[string]bool, names []string, i uint32) bool {
	found := 0
	for p := i + 1; p < c.nodes[i].next; p = c.nodes[p+1].next {
		c.steps--
		if set[string(c.text(&c.nodes[p]))] {
			found++
		}
	}
	if found == len(names) {
		return true
	}
	if c.quiet == 0 {
		for _, name := range names {
			if c.steps -= int(c.nodes[i].count); c.find(i, name) == 0 {
				c.fail("required key [%s] not found", clip(name))
			}
		}
	}
	return false
}

// find gives the value of a member, 0 when there is none: the root is no
// member.
func (c *check) find(i uint32, name string) uint32 {
	for p := i + 1; p < c.nodes[i].next; p = c.nodes[p+1].next {
		if string(c.text(&c.nodes[p])) == name {
			return p + 1
		}
	}
	return 0
}

// member checks the member whose name is node p.
func (c *check) member(s *schema, p uint32, seen *marks) bool {
	c.steps--
	ok, matched := true, false
	c.path = append(c.path, step{name: p, index: -1})
	if s.names != nil {
		c.quiet++
		named := c.apply(s.names, p, nil)
		c.quiet--
		if !named {
			ok = c.fail("the name of this key is not allowed")
		}
	}
	if of, found := s.properties[string(c.text(&c.nodes[p]))]; found {
		matched = true
		ok = c.apply(of, p+1, nil) && ok
	}
	for _, of := range s.patterns {
		name := c.text(&c.nodes[p])
		c.steps -= 1 + len(name)
		if of.pattern.Match(name) {
			matched = true
			ok = c.apply(of.schema, p+1, nil) && ok
		}
	}
	if !matched && s.additional != nil {
		matched = true
		if s.additional.never {
			ok = c.fail("this key is not allowed")
		} else {
			ok = c.apply(s.additional, p+1, nil) && ok
		}
	}
	c.path = c.path[:len(c.path)-1]
	if matched {
		c.steps -= seen.add(p)
	}
	return ok
}

func (c *check) dependencies(s *schema, i uint32, seen *marks) bool {
	if s.dependentRequired == nil && s.dependent == nil {
		return true
	}
	ok := true
	for _, name := range sorted(s.dependentRequired) {
		c.steps -= int(c.nodes[i].count)
		if c.find(i, name) == 0 {
			continue
		}
		for _, other := range s.dependentRequired[name] {
			if c.steps -= int(c.nodes[i].count); c.find(i, other) == 0 {
				ok = c.fail("required key [%s] not found, which key [%s] needs", clip(other), clip(name))
			}
		}
	}
	for _, name := range sorted(s.dependent) {
		if c.steps -= int(c.nodes[i].count); c.find(i, name) != 0 && c.more(ok) {
			ok = c.apply(s.dependent[name], i, seen) && ok
		}
	}
	return ok
}

func (c *check) array(s *schema, i uint32, seen *marks) bool {
	n, ok := c.nodes[i], true
	if int(n.count) < s.minItems {
		ok = c.fail("expected minimum item count: %d, found: %d", s.minItems, n.count)
	}
	if s.maxItems >= 0 && int(n.count) > s.maxItems {
		ok = c.fail("expected maximum item count: %d, found: %d", s.maxItems, n.count)
	}
	if s.unique && n.count > 1 {
		ok = c.unique(i) && ok
	}
	if len(s.prefix) > 0 || s.items != nil {
		index := 0
		for p := i + 1; p < n.next && c.more(ok); p, index = c.nodes[p].next, index+1 {
			of := s.items
			if index < len(s.prefix) {
				of = s.prefix[index]
			}
			if of == nil {
				break
			}
			ok = c.element(of, p, index) && ok
			c.steps -= seen.add(p)
		}
	}
	if s.contains != nil && c.more(ok) {
		ok = c.contains(s, i, seen) && ok
	}
	return ok
}

func (c *check) element(of *schema, p uint32, index int) bool {
	c.path = append(c.path, step{index: index})
	ok := c.apply(of, p, nil)
	c.path = c.path[:len(c.path)-1]
	return ok
}

// unique hashes every element with all it holds.
func (c *check) unique(i uint32) bool {
	n := &c.nodes[i]
	if c.steps -= 2*int(n.next-i) + int(n.end-n.start)/textStep; c.steps < 0 {
		c.overrun = true
		return false
	}
	if c.repeated(i) {
		return c.fail("array items are not unique")
	}
	return true
}

func (c *check) contains(s *schema, i uint32, seen *marks) bool {
	found := 0
	c.quiet++
	for p := i + 1; p < c.nodes[i].next; p = c.nodes[p].next {
		if c.apply(s.contains, p, nil) {
			found++
			c.steps -= seen.add(p)
		}
	}
	c.quiet--
	switch {
	case found < s.minContains:
		return c.fail("%d items of the kind that the array must contain, %d needed", found, s.minContains)
	case s.maxContains >= 0 && found > s.maxContains:
		return c.fail("%d items of a kind that the array may contain %d of", found, s.maxContains)
	}
	return true
}
