package auth

import (
	"fmt"
	"sync"
	"testing"

	"mgw/runtime/internal/exchange"
)

func newIdentity(expires, until int64) *identity {
	return &identity{principal: &exchange.Principal{Expires: expires}, until: until}
}

func TestTheCacheComparesTheWholeCredential(t *testing.T) {
	c := newCache(100)
	id := newIdentity(0, 10)
	c.put("credential", id, 1)
	if c.get([]byte("credential")) != id {
		t.Error("not found")
	}
	// As if another credential had the same hash.
	id.credential = "credentiaL"
	if c.get([]byte("credential")) != nil {
		t.Error("found by its hash alone")
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	c := newCache(100)
	for i := range 10_000 {
		c.put(fmt.Sprint(i), newIdentity(0, 10), 1)
	}
	if n := c.count(); n > 128 || n < 100 {
		t.Errorf("%d entries", n)
	}
	if c.get([]byte("9999")) == nil {
		t.Error("the newest is not there")
	}
}

func (c *cache) count() (n int) {
	for i := range c.buckets {
		for j := range c.buckets[i] {
			if c.buckets[i][j].Load() != nil {
				n++
			}
		}
	}
	return n
}

func TestWhatIsOverGoesFirstThenWhatIsNotUsed(t *testing.T) {
	c := newCache(ways) // one bucket
	for i := range ways {
		c.put(fmt.Sprint(i), newIdentity(0, 10), 1)
	}
	for i := range ways {
		if i != 3 {
			c.get([]byte(fmt.Sprint(i)))
		}
	}
	c.put("new", newIdentity(0, 10), 1)
	if c.get([]byte("3")) != nil {
		t.Error("the one that nobody used is still there")
	}
	c.buckets[0][5].Load().principal.Expires = 1
	c.put("newer", newIdentity(0, 10), 2)
	if c.get([]byte("5")) != nil {
		t.Error("the expired one is still there")
	}
	same := newIdentity(0, 20)
	c.put("new", same, 2)
	if c.get([]byte("new")) != same || c.count() != ways {
		t.Error("was not replaced in its place")
	}
}

func TestTheCacheUnderConcurrency(t *testing.T) {
	c := newCache(64)
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 2000 {
				name := fmt.Sprint((i * (g + 1)) % 200)
				if id := c.get([]byte(name)); id != nil && id.credential != name {
					t.Errorf("%s found %s", name, id.credential)
				}
				c.put(name, newIdentity(0, 10), 1)
			}
		})
	}
	group.Wait()
}
