package gateway

import (
	"context"
	"time"

	"mgw/runtime/internal/lease"
	"mgw/runtime/internal/throttle"
)

// tierLeases lets the leases carry the quotas of tiers.
type tierLeases struct {
	leases *lease.Leases
	// divide: what is counted by address is divided among the nodes, and asks
	// Redis for nothing (throttlingConfig.redis.addressTiers = "share").
	divide bool
}

func (t tierLeases) Lease(key string, count int64, window time.Duration, address bool) (throttle.Lease, error) {
	l, err := t.leases.Limit(lease.Spec{Key: "tier:" + key, Count: count, Window: window, Divided: address && t.divide})
	if err != nil {
		return nil, err
	}
	return tierLease{l}, nil
}

type tierLease struct{ *lease.Limit }

func (t tierLease) Take(ctx context.Context) (throttle.Use, bool) {
	token, err := t.Acquire(ctx)
	return token.Words(), err == nil
}

func (t tierLease) Return(u throttle.Use) { t.Limit.Return(lease.TokenOf(u)) }
