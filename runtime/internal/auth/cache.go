package auth

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"mgw/runtime/internal/exchange"
)

// identity is a verified credential: what the cache holds and authorize judges.
type identity struct {
	hash       uint64
	credential string // in full: the hash alone identifies nobody
	principal  *exchange.Principal
	demand     demand
	allowed    []exchange.Subscription // allowedAPIs of an API key
	until      int64                   // Clock time after which it is verified anew

	// cleared is the generation of the revoked set in which this credential
	// was last looked up and not found.
	cleared atomic.Uint64
	used    atomic.Bool
}

// expired tells whether the credential itself, not only its place in the
// cache, has come to its end.
func (id *identity) expired(now int64) bool {
	return id.principal.Expires != 0 && now >= id.principal.Expires
}

// ways is how many identities share a bucket.
const ways = 8

// cache maps verified credentials to identities. It is a fixed table of
// buckets: bounded by construction, read without a lock. Only what was
// verified enters, so refused credentials can neither fill it nor push others
// out; the hash has a random seed, so nobody can aim at a bucket.
//
// Comparing the whole credential need not take constant time: it happens only
// where 64 bits of a hash of secret seed agree already.
type cache struct {
	seed    maphash.Seed
	mask    uint64
	buckets []bucket
	write   sync.Mutex // put only
}

type bucket [ways]atomic.Pointer[identity]

func newCache(capacity int) *cache {
	n := 1
	for n*ways < capacity {
		n *= 2
	}
	return &cache{seed: maphash.MakeSeed(), mask: uint64(n - 1), buckets: make([]bucket, n)}
}

// get finds a credential; nil when it is not there.
func (c *cache) get(credential []byte) *identity {
	hash := maphash.Bytes(c.seed, credential)
	b := &c.buckets[hash&c.mask]
	for i := range b {
		id := b[i].Load()
		if id != nil && id.hash == hash && id.credential == string(credential) {
			if !id.used.Load() {
				id.used.Store(true)
			}
			return id
		}
	}
	return nil
}

// put stores id under credential, in place of an equal one, else of nothing,
// else of what is over, else of what nobody used since the last put here.
func (c *cache) put(credential string, id *identity, now int64) {
	id.credential = credential
	id.hash = maphash.String(c.seed, credential)
	b := &c.buckets[id.hash&c.mask]
	c.write.Lock()
	defer c.write.Unlock()
	b[b.victim(id, now)].Store(id)
}

func (b *bucket) victim(id *identity, now int64) int {
	best, rank := int(id.hash>>60)%ways, 0
	for i := range b {
		old, r := b[i].Load(), 0
		switch {
		case old == nil:
			r = 3
		case old.hash == id.hash && old.credential == id.credential:
			return i
		case old.expired(now) || now >= old.until:
			r = 2
		case !old.used.Swap(false):
			r = 1
		}
		if r > rank {
			best, rank = i, r
		}
	}
	return best
}
