package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mgw/runtime/spec"
)

// Resolver is what is used of a net.Resolver.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// service is a URL whose host is the name of SRV records (RFC 2782).
type service struct {
	url      *url.URL
	rank     int // of the URL among those of its endpoint
	advanced *spec.Advanced
	targets  []*target // the last that were good
	failing  bool      // so the log was told
}

// lookupTime bounds one look-up.
const lookupTime = 5 * time.Second

// Discover looks up what URLs with srv+ stand for, so that the first request
// finds targets. What cannot be found is logged and tried again by Run.
func (b *Backends) Discover(ctx context.Context) {
	var work sync.WaitGroup
	for _, e := range b.endpoints {
		if len(e.services) > 0 {
			work.Go(func() { b.discover(ctx, e) })
		}
	}
	work.Wait()
}

// discover renews the targets of an endpoint. A service that cannot be looked
// up keeps those it has.
func (b *Backends) discover(ctx context.Context, e *endpoint) {
	changed := false
	for _, s := range e.services {
		records, err := b.records(ctx, s.url.Hostname())
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if !s.failing {
				b.options.Log.Warn("looking up a service failed: its last targets stay", "service", s.url.Hostname(), "targets", len(s.targets), "error", err)
			}
			s.failing = true
			continue
		}
		s.failing = false
		changed = b.renew(s, records) || changed
	}
	if changed {
		b.publish(e)
	}
}

// records looks a service up; the best ones come first.
func (b *Backends) records(ctx context.Context, name string) ([]*net.SRV, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	_, records, err := b.options.Resolver.LookupSRV(ctx, "", "", name)
	if err != nil {
		return nil, err
	}
	records = slices.DeleteFunc(slices.Clone(records), func(r *net.SRV) bool { return r.Port == 0 || strings.Trim(r.Target, ".") == "" })
	if len(records) == 0 {
		return nil, errors.New("there is no record that names a host and a port")
	}
	slices.SortFunc(records, func(a, b *net.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Port, b.Port))
	})
	return records, nil
}

// renew makes targets of records and keeps those that there are already, with
// their connections and what is known of them.
func (b *Backends) renew(s *service, records []*net.SRV) (changed bool) {
	next := make([]*target, 0, len(records))
	for _, r := range records {
		host := net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port)))
		// The best priority is 0, so that fixed URLs beside it are as good.
		weight, rank := max(int(r.Weight), 1), s.rank|int(r.Priority-records[0].Priority)
		if slices.ContainsFunc(next, func(t *target) bool { return t.host == host }) {
			continue
		}
		i := slices.IndexFunc(s.targets, func(t *target) bool { return t.host == host && t.weight == weight && t.rank == rank })
		if i >= 0 {
			next = append(next, s.targets[i])
			continue
		}
		u := *s.url
		u.Host = host
		next = append(next, b.newTarget(&u, s.advanced, weight, rank))
		changed = true
	}
	changed = changed || len(next) != len(s.targets)
	for _, old := range s.targets {
		if !slices.Contains(next, old) {
			(*old.way.Load()).Close()
		}
	}
	s.targets = next
	return changed
}

// publish makes the targets of an endpoint those that requests go to.
func (b *Backends) publish(e *endpoint) {
	all := slices.Clone(e.fixed)
	for _, s := range e.services {
		all = append(all, s.targets...)
	}
	slices.SortStableFunc(all, func(a, b *target) int { return cmp.Compare(a.rank, b.rank) })
	if len(all) > maxTargets {
		b.options.Log.Warn(fmt.Sprintf("an endpoint has more targets than are supported: the first %d are used", maxTargets), "endpoint", e.name, "targets", len(all))
		all = all[:maxTargets]
	}
	e.set.Store(newSet(all))
	hosts := make([]string, len(all))
	for i, t := range all {
		hosts[i] = t.host
	}
	b.options.Log.Info("the targets of an endpoint have changed", "endpoint", e.name, "targets", strings.Join(hosts, " "))
}

// follow looks names up again until ctx ends.
func (b *Backends) follow(ctx context.Context) {
	tick := time.NewTicker(b.options.Refresh)
	defer tick.Stop()
	for {
		found := map[string][]netip.Addr{} // many targets may have one host
		for _, e := range b.endpoints {
			if len(e.services) > 0 {
				b.discover(ctx, e)
			}
			for _, t := range e.set.Load().targets {
				b.readdress(ctx, t, found)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// readdress looks up where a target is. When an address has gone, connections
// are opened anew: those that there are may lead to it, and while they are in
// use nothing else would end them. A look-up that fails changes nothing.
func (b *Backends) readdress(ctx context.Context, t *target, found map[string][]netip.Addr) {
	host, _, _ := net.SplitHostPort(t.to.Address)
	if _, err := netip.ParseAddr(host); err == nil || b.options.RemoteNames {
		return
	}
	now, asked := found[host]
	if !asked {
		now = b.addresses(ctx, host)
		found[host] = now
	}
	if len(now) == 0 {
		return
	}
	gone := slices.ContainsFunc(t.addresses, func(a netip.Addr) bool { return !slices.Contains(now, a) })
	t.addresses = now
	if gone {
		b.open(t)
		b.options.Log.Info("a backend has moved: connections are opened anew", "backend", t.host)
	}
}

// addresses gives none when the look-up fails.
func (b *Backends) addresses(ctx context.Context, host string) []netip.Addr {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found, err := b.options.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	return found
}
