package trafficmanager

import (
	"sync"

	"mgw/runtime/internal/event"
)

// held is a decision that is in force, and its JSON: what gateways pull and
// the store keeps.
type held struct {
	*event.Decision
	json []byte
}

func newHeld(d *event.Decision) (*held, error) {
	text, err := event.Record(d)
	return &held{d, text}, err
}

// parseHeld reads the JSON of a decision.
func parseHeld(text []byte) (*held, error) {
	d, err := event.ParseRecord(text)
	if err != nil {
		return nil, err
	}
	return newHeld(d)
}

// ledger is the decisions in force, bounded.
type ledger struct {
	limit int

	mu       sync.RWMutex
	keys     map[string]*held
	byExpiry map[int64][]string // keys to look at when that millisecond is over
	refused  uint64
}

func newLedger(limit int) *ledger {
	return &ledger{limit: limit, keys: map[string]*held{}, byExpiry: map[int64][]string{}}
}

// throttles tells whether a key is known to be throttled until expiry at
// least.
func (l *ledger) throttles(key string, expiry int64) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	known := l.keys[key]
	return known != nil && known.Expiry >= expiry
}

// add takes a decision and tells whether it says something new. When the ledger
// is full it is refused: gateways limit the key by their own counters.
func (l *ledger) add(d *held) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.keys[d.Key]
	switch {
	case known != nil && known.Expiry >= d.Expiry:
		return false
	case known == nil && len(l.keys) >= l.limit:
		l.refused++
		return false
	}
	l.keys[d.Key] = d
	l.byExpiry[d.Expiry] = append(l.byExpiry[d.Expiry], d.Key)
	return true
}

// all gives the decisions in force.
func (l *ledger) all() []*held {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make([]*held, 0, len(l.keys))
	for _, d := range l.keys {
		all = append(all, d)
	}
	return all
}

// expireStep bounds how long expire holds the lock.
const expireStep = 1000

// expire forgets what is over at now, in milliseconds.
func (l *ledger) expire(now int64) {
	for l.expireSome(now) {
	}
}

// expireSome tells whether there may be more.
func (l *ledger) expireSome(now int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for expiry, keys := range l.byExpiry {
		if expiry >= now {
			continue
		}
		n := min(len(keys), expireStep)
		for _, key := range keys[:n] {
			if d := l.keys[key]; d != nil && d.Expiry == expiry { // else decided anew
				delete(l.keys, key)
			}
		}
		if l.byExpiry[expiry] = keys[n:]; n == len(keys) {
			delete(l.byExpiry, expiry)
		}
		return true
	}
	return false
}

// size gives how many decisions are held, and how many found no room so far.
func (l *ledger) size() (held int, refused uint64) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.keys), l.refused
}

// some gives the decisions on these keys, as far as they are held.
func (l *ledger) some(keys []string) []*held {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var found []*held
	for _, key := range keys {
		if d := l.keys[key]; d != nil {
			found = append(found, d)
		}
	}
	return found
}
