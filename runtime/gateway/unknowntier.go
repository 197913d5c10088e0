package gateway

import (
	"log/slog"
	"sync"
)

// unknownTiers logs each tier that credentials name and no list knows, once.
type unknownTiers struct {
	mu   sync.Mutex
	told map[[2]string]bool
}

// maxUnknown bounds what is remembered, and logged.
const maxUnknown = 100

func (u *unknownTiers) reporter(log *slog.Logger) func(level, tier string) {
	return func(level, tier string) {
		u.mu.Lock()
		defer u.mu.Unlock()
		name := [2]string{level, tier}
		if u.told[name] || len(u.told) >= maxUnknown {
			return
		}
		if u.told == nil {
			u.told = map[[2]string]bool{}
		}
		u.told[name] = true
		log.Warn("a credential names a tier that policies.yaml does not have; its requests are refused with 900809", "level", level, "tier", tier)
	}
}
