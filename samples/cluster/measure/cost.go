package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"mgw/samples/cluster/nodes"
	"mgw/samples/internal/harness"
)

const costRate = 5000

// cost compares the CPU of a gateway that publishes with one that does not,
// both under the same load at the same time: so manager, broker and whatever
// else is on the machine slow down both.
func cost(ctx context.Context, b *bench) (err error) {
	c, err := nodes.Start(ctx, b.Project, 1)
	defer func() { err = errors.Join(err, c.End()) }()
	if err != nil {
		return err
	}
	alone, err := b.StartGateway(ctx, c.Backend.URL, nodes.Where{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, alone.Stop()) }()
	token, err := b.Token(ctx, "cost", "Unlimited")
	if err != nil {
		return err
	}
	var with, without, event, rates []float64
	for range max(b.runs/3, 5) {
		micros, rate, err := b.cpuPerRequest(ctx, [2]*harness.Gateway{c.Gateways[0], alone}, token)
		if err != nil {
			return err
		}
		with, without = append(with, micros[0]), append(without, micros[1])
		event, rates = append(event, micros[0]-micros[1]), append(rates, rate/2)
	}
	s, err := b.StateOf(ctx, c.Gateways[0])
	if err != nil {
		return err
	}
	average, deviation := mean(event)
	b.say("%d turns of %d s at %.0f a second each: CPU a request %.1f us with events, %.1f us without; an event costs %.2f us, standard error %.2f (median %.2f, quartiles %.2f to %.2f); events %+v",
		len(event), b.seconds, at(rates, 0.5), at(with, 0.5), at(without, 0.5), average, deviation/math.Sqrt(float64(len(event))),
		at(event, 0.5), at(event, 0.25), at(event, 0.75), s.Manager.Events)
	return nil
}

// mean gives the average and the standard deviation.
func mean(all []float64) (average, deviation float64) {
	for _, v := range all {
		average += v / float64(len(all))
	}
	for _, v := range all {
		deviation += (v - average) * (v - average) / float64(len(all))
	}
	return average, math.Sqrt(deviation)
}

// cpuPerRequest gives microseconds.
func (b *bench) cpuPerRequest(ctx context.Context, both [2]*harness.Gateway, token string) (micros [2]float64, rate float64, err error) {
	var before [2]time.Duration
	for i, g := range both {
		if before[i], err = cpu(g.Pid()); err != nil {
			return micros, 0, err
		}
	}
	all, err := offer(ctx, both[:], "/tickets/list", token, 2*costRate, time.Duration(b.seconds)*time.Second)
	if err != nil {
		return micros, 0, err
	}
	if err := allAre(all, 200); err != nil {
		return micros, 0, err
	}
	time.Sleep(200 * time.Millisecond) // the last events
	for i, g := range both {
		after, err := cpu(g.Pid())
		if err != nil {
			return micros, 0, err
		}
		micros[i] = float64((after - before[i]).Microseconds()) / float64(len(all)/2)
	}
	return micros, achieved(all), nil
}

// cpu gives what a process has used so far, in the kernel's ticks of 10 ms.
func cpu(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), ") ") // the name may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is cut short")
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, err
}
