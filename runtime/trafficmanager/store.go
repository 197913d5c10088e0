package trafficmanager

import (
	"context"

	"mgw/runtime/internal/event"
)

// store keeps decisions, blocking conditions and key templates over a restart.
// It is asked at the start and told of changes; gateways are served from
// memory.
type store interface {
	load(ctx context.Context) (saved, error)
	// decided keeps decisions, expired drops those that ended before now in
	// milliseconds.
	decided(ctx context.Context, all []*held) error
	expired(ctx context.Context, now int64) error
	addBlock(ctx context.Context, b event.Block) (id int64, err error)
	removeBlock(ctx context.Context, id int64) error
	addTemplate(ctx context.Context, template string) error
	removeTemplate(ctx context.Context, template string) error
	close() error
}

// saved is what a store holds.
type saved struct {
	decisions []*held
	blocks    []event.Block
	templates []string
}
