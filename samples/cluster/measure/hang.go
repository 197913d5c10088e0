package main

import (
	"context"
	"errors"
	"net"
	"time"

	"mgw/samples/cluster/nodes"
	"mgw/samples/internal/harness"
)

const hangRate = 2000

// hang compares the latency of a gateway whose broker and manager accept and
// never answer with one that has none, both under the same load, request by
// request in turns.
func hang(ctx context.Context, b *bench) (err error) {
	silent, err := mute()
	if err != nil {
		return err
	}
	defer silent.Close()
	backend := nodes.NewBackend()
	defer backend.Close()
	var gateways [2]*harness.Gateway
	for i, w := range []nodes.Where{{}, {Broker: silent.Addr().String(), Manager: silent.Addr().String()}} {
		var flags []string
		if i == 1 {
			flags = append(flags, "--throttlingConfig.certificateFile=")
		}
		if gateways[i], err = b.StartGateway(ctx, backend.URL, w, flags...); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, gateways[i].Stop()) }()
	}
	token, err := b.Token(ctx, "hang", "Unlimited")
	if err != nil {
		return err
	}
	var p99 [2][]float64
	var pooled [2][]sample
	for range max(b.runs/3, 5) {
		all, err := offer(ctx, gateways[:], "/tickets/list", token, 2*hangRate, time.Duration(b.seconds)*time.Second)
		if err != nil {
			return err
		}
		if err := allAre(all, 200); err != nil {
			return err
		}
		for i := range gateways {
			some := of(all, i)
			p99[i] = append(p99[i], quantile(some, 0.99).Seconds()*1e6)
			pooled[i] = append(pooled[i], some...)
		}
	}
	for i, name := range []string{"without", "with both hanging"} {
		b.say("%s: %d turns of %d s at %d a second each: p50 %v, p99 %v; median of the turns' p99 %.0f us", name, len(p99[i]), b.seconds, hangRate,
			quantile(pooled[i], 0.5), quantile(pooled[i], 0.99), at(p99[i], 0.5))
	}
	s, err := b.StateOf(ctx, gateways[1])
	b.say("p99 with / without: pooled %.2f, median of turns %.2f; events %+v", float64(quantile(pooled[1], 0.99))/float64(quantile(pooled[0], 0.99)),
		at(p99[1], 0.5)/at(p99[0], 0.5), s.Manager.Events)
	return err
}

// mute accepts connections and never answers.
func mute() (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buf := make([]byte, 64<<10)
				for {
					if _, err := conn.Read(buf); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln, nil
}
