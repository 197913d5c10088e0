package trafficmanager

import (
	"log/slog"
	"sync/atomic"
)

// outage logs the first failure of something, and that it is over.
type outage struct {
	what    string
	failing atomic.Bool
}

func (o *outage) now() bool { return o.failing.Load() }

// note takes the outcome of an attempt.
func (o *outage) note(log *slog.Logger, err error) {
	if err != nil && o.failing.CompareAndSwap(false, true) {
		log.Error(o.what, "error", err)
	}
	if err == nil && o.failing.CompareAndSwap(true, false) {
		log.Info("over: " + o.what)
	}
}
