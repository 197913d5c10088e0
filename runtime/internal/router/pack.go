package router

// A look-up in a large tree costs what its cache misses cost. Once all is
// added, nodes and leaves move together, in the order in which a
// look-up meets them.

type packer struct {
	nodes  []node
	leaves []leaf
	routes []route
}

// packed gives the same tree in few pieces of memory.
func packed(n *node) *node {
	var p packer
	nodes, leaves, routes := n.size()
	p.nodes = make([]node, 0, nodes)
	p.leaves = make([]leaf, 0, leaves)
	p.routes = make([]route, 0, routes)
	return p.node(n)
}

// size counts what lies below a node, itself included.
func (n *node) size() (nodes, leaves, routes int) {
	nodes = 1
	n.each(func(child *node) {
		a, b, c := child.size()
		nodes, leaves, routes = nodes+a, leaves+b, routes+c
	})
	for _, l := range []*leaf{n.rest, n.any, n.plain, n.slash} {
		if l != nil {
			leaves, routes = leaves+1, routes+len(l.routes)
		}
	}
	return nodes, leaves, routes
}

func (n *node) each(f func(*node)) {
	for _, child := range n.literals {
		f(child)
	}
	for _, p := range n.mixed {
		f(p.next)
	}
	if n.param != nil {
		f(n.param)
	}
}

// node copies a node, and then those below it. The arrays never grow, so that
// pointers into them hold.
func (p *packer) node(n *node) *node {
	p.nodes = append(p.nodes, *n)
	to := &p.nodes[len(p.nodes)-1]
	for _, l := range []**leaf{&to.plain, &to.slash, &to.rest, &to.any} {
		if *l != nil {
			*l = p.leaf(*l)
		}
	}
	if n.param != nil {
		to.param = p.node(n.param)
	}
	if len(n.literals) == 1 {
		to.literals = nil
		for text, child := range n.literals {
			to.only, to.onlyNext = text, p.node(child)
		}
	} else {
		for text, child := range n.literals {
			n.literals[text] = p.node(child)
		}
	}
	for _, m := range n.mixed {
		m.next = p.node(m.next)
	}
	return to
}

func (p *packer) leaf(l *leaf) *leaf {
	start := len(p.routes)
	p.routes = append(p.routes, l.routes...)
	p.leaves = append(p.leaves, *l)
	to := &p.leaves[len(p.leaves)-1]
	to.routes = p.routes[start:len(p.routes):len(p.routes)]
	return to
}
