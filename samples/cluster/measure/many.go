package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"mgw/samples/cluster/nodes"
	"mgw/samples/internal/harness"
)

const (
	manyKeys = 100_000
	manyRate = 1000
	// perPost is how many events travel in one request.
	perPost = 500
)

// many makes the manager throttle a hundred thousand applications at once,
// while a gateway serves others.
func many(ctx context.Context, b *bench) (err error) {
	c, err := nodes.Start(ctx, b.Project, 1)
	defer func() { err = errors.Join(err, c.End()) }()
	if err != nil {
		return err
	}
	g := c.Gateways[0]
	// A second gateway that hears nothing tells what the machine is worth
	// meanwhile: manager, broker and the flood's source are on it as well.
	other, err := b.StartGateway(ctx, c.Backend.URL, nodes.Where{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, other.Stop()) }()
	token, err := b.Token(ctx, "many", "Unlimited")
	if err != nil {
		return err
	}
	time.Sleep(harness.UntilWindow(time.Now(), time.Hour, 3*time.Minute))
	load := func() ([]sample, error) {
		return offer(ctx, []*harness.Gateway{g, other}, "/tickets/list", token, 2*manyRate, time.Duration(b.seconds)*time.Second)
	}
	if _, err := load(); err != nil { // warm
		return err
	}
	quiet, err := load()
	if err != nil {
		return err
	}
	before, err := memory(g.Pid())
	if err != nil {
		return err
	}
	flooded := make(chan error, 1)
	start := time.Now()
	go func() { flooded <- flood(ctx, c.Manager.Address) }()
	var meanwhile []sample
	var took time.Duration
	for took == 0 {
		some, err := load()
		if err != nil {
			return err
		}
		meanwhile = append(meanwhile, some...)
		s, err := b.StateOf(ctx, g)
		if err != nil {
			return err
		}
		if s.Manager.Decisions.Keys >= manyKeys {
			took = time.Since(start)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%d keys are in force: %w", s.Manager.Decisions.Keys, ctx.Err())
		}
	}
	if err := <-flooded; err != nil {
		return err
	}
	after, err := memory(g.Pid())
	if err != nil {
		return err
	}
	b.say("%d keys in force after at most %v; resident memory %.1f MB before, %.1f MB after: %.1f MB for them", manyKeys, took.Round(time.Millisecond), before, after, after-before)
	for n, name := range []string{"the gateway", "a gateway without a manager, at the same time"} {
		before, during := of(quiet, n), of(meanwhile, n)
		b.say("%s, at %d requests a second: p50 %v p99 %v before, p50 %v p99 %v meanwhile: p99 x %.2f", name, manyRate, quantile(before, 0.5), quantile(before, 0.99),
			quantile(during, 0.5), quantile(during, 0.99), float64(quantile(during, 0.99))/float64(quantile(before, 0.99)))
	}
	return b.sampleOf(ctx, g)
}

// of gives what one gateway was sent.
func of(all []sample, gateway int) (some []sample) {
	for _, s := range all {
		if s.gateway == gateway {
			some = append(some, s)
		}
	}
	return some
}

// sampleOf asks with tokens of some of the applications, and of one that has
// sent nothing.
func (b *bench) sampleOf(ctx context.Context, g *harness.Gateway) error {
	for _, n := range []int{0, 1, manyKeys / 3, manyKeys / 2, manyKeys - 1, manyKeys} {
		token, err := b.Token(ctx, fmt.Sprint("bulk-", n), "OnePerHour")
		if err != nil {
			return err
		}
		a, err := harness.Request{URL: g.HTTP + "/tickets/list", Token: token}.Send(ctx)
		if err != nil {
			return err
		}
		if refused := a.Status == http.StatusTooManyRequests; refused != (n < manyKeys) {
			return fmt.Errorf("application %d was answered %v", n, a)
		}
	}
	b.say("samples of the keys are refused, an application that was not decided about passes")
	return nil
}

// flood posts one event of each of so many applications whose limit is one an
// hour.
func flood(ctx context.Context, manager string) error {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} // this machine's
	defer client.CloseIdleConnections()
	user, password, _ := strings.Cut(nodes.Account, ":")
	for first := 0; first < manyKeys; first += perPost {
		var body bytes.Buffer
		for n := first; n < first+perPost; n++ {
			fmt.Fprintf(&body, `%c{"event":{"metaData":{},"correlationData":{},"payloadData":{"messageID":"m%d","appKey":"bulk-%d","appTier":"OnePerHour",`+
				`"subscriptionTier":"Unlimited","resourceTier":"Unlimited","appTenant":"carbon.super","apiTenant":"carbon.super","properties":"{}"}}}`, separator(n-first), n, n)
		}
		body.WriteByte(']')
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+manager+"/endpoints/throttleEventReceiver", &body)
		if err != nil {
			return err
		}
		req.SetBasicAuth(user, password)
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
		case http.StatusServiceUnavailable:
			first -= perPost
			time.Sleep(100 * time.Millisecond)
		default:
			return fmt.Errorf("the manager answered %s", resp.Status)
		}
	}
	return nil
}

func separator(n int) byte {
	if n == 0 {
		return '['
	}
	return ','
}

var residentKB = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// memory is what a process has resident, in MB.
func memory(pid int) (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	m := residentKB.FindSubmatch(data)
	if m == nil {
		return 0, errors.New("/proc/PID/status has no VmRSS")
	}
	kb, err := strconv.Atoi(string(m[1]))
	return float64(kb) / 1024, err
}
