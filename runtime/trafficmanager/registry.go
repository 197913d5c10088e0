package trafficmanager

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"mgw/runtime/internal/event"
)

// registry is the blocking conditions and key templates in force.
type registry struct {
	own []string // templates of the policies, which nobody can remove

	mu        sync.RWMutex
	blocks    map[int64]event.Block
	templates map[string]bool // added through the admin API
}

func newRegistry(own []string) *registry {
	return &registry{own: own, blocks: map[int64]event.Block{}, templates: map[string]bool{}}
}

// replace puts other conditions and templates in place, and gives what changed.
func (r *registry) replace(blocks []event.Block, templates []string) (added, removed []event.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := map[int64]event.Block{}
	for _, b := range blocks {
		next[b.ID] = b
		if _, ok := r.blocks[b.ID]; !ok {
			added = append(added, &b)
		}
	}
	for id, b := range r.blocks {
		if _, ok := next[id]; !ok {
			removed = append(removed, ended(b))
		}
	}
	r.blocks = next
	names := map[string]bool{}
	for _, t := range templates {
		names[t] = true
		if !r.templates[t] {
			added = append(added, &event.KeyTemplate{Template: t})
		}
	}
	for t := range r.templates {
		if !names[t] {
			removed = append(removed, &event.KeyTemplate{Template: t, Remove: true})
		}
	}
	r.templates = names
	return added, removed
}

// ended is the message that switches a condition off.
func ended(b event.Block) *event.Block {
	b.Active = false
	return &b
}

func (r *registry) addBlock(b event.Block) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocks[b.ID] = b
}

// block gives a condition.
func (r *registry) block(id int64) (event.Block, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	b, ok := r.blocks[id]
	return b, ok
}

func (r *registry) removeBlock(id int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.blocks, id)
}

func (r *registry) addTemplate(t string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.templates[t] = true
}

func (r *registry) removeTemplate(t string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.templates, t)
}

// hasTemplate tells whether a template was added, and whether the policies have
// it.
func (r *registry) hasTemplate(t string) (added, own bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.templates[t], slices.Contains(r.own, t)
}

// allBlocks gives the conditions by their ids.
func (r *registry) allBlocks() []event.Block {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.SortedFunc(maps.Values(r.blocks), func(a, b event.Block) int { return cmp.Compare(a.ID, b.ID) })
}

// allTemplates gives the templates, each once.
func (r *registry) allTemplates() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := slices.AppendSeq(slices.Clone(r.own), maps.Keys(r.templates))
	slices.Sort(all)
	return slices.Compact(all)
}

// messages gives what tells a gateway all that is in force.
func (r *registry) messages() []event.Message {
	var all []event.Message
	for _, b := range r.allBlocks() {
		all = append(all, &b)
	}
	for _, t := range r.allTemplates() {
		all = append(all, &event.KeyTemplate{Template: t})
	}
	return all
}
