package cache

// Retire drops all answers and stores no more: another Cache has taken the
// place of this one. What is on its way is answered still.
func (c *Cache) Retire() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.most = 0
		for s.order.Len() > 0 {
			s.remove(s.order.Back())
		}
		s.mu.Unlock()
	}
}
