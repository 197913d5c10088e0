package gateway

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mgw/runtime/internal/lease/redistest"
	"mgw/runtime/spec"
)

// trio is three gateways of one Redis before one backend.
type trio struct {
	gateways []*running
	reached  atomic.Int64
}

func startTrio(t *testing.T, change func(*spec.Gateway), overrides ...string) *trio {
	t.Helper()
	c := new(trio)
	redis := redistest.Start(t)
	url := backendOf(t, func(http.ResponseWriter, *http.Request) { c.reached.Add(1) })
	for range 3 {
		content := served(url)
		change(content)
		// An answer that comes too late for its call strands what it grants,
		// which a busy machine must not make of this test.
		c.gateways = append(c.gateways, start(t, content, append(overrides, "throttlingConfig.redis.url="+redis.URL(), "throttlingConfig.redis.timeout=5s")...))
	}
	return c
}

// spend sends requests to all gateways at once, round after round, until want
// have reached the backend, then some more; it gives the answers' bodies by
// status.
func (c *trio) spend(t *testing.T, path string, want int64) map[int]string {
	t.Helper()
	answers := map[int]string{}
	var mu sync.Mutex
	round := func() {
		var group sync.WaitGroup
		for n := range 9 {
			group.Go(func() {
				status, body, err := try(t.Context(), "GET", c.gateways[n%3].url+path, "")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				answers[status] = body
				mu.Unlock()
			})
		}
		group.Wait()
	}
	// A Redis that has just started grants nothing for a second: it may have
	// forgotten what it granted.
	for deadline := time.Now().Add(20 * time.Second); c.reached.Load() < want; round() {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d reached the backend in 20 s", c.reached.Load(), want)
		}
	}
	for range 5 {
		round()
	}
	return answers
}

func TestThreeGatewaysShareATierByLeases(t *testing.T) {
	c := startTrio(t, func(g *spec.Gateway) { g.Policies.Resource[0].Count = 10 }, "throttlingConfig.clusterMode=lease")
	answers := c.spend(t, "/pets/few", 10)
	if c.reached.Load() != 10 || !strings.Contains(answers[429], "900802") || len(answers) != 2 {
		t.Errorf("%d reached the backend, %v", c.reached.Load(), answers)
	}
}

func TestThreeGatewaysShareABackendsThroughput(t *testing.T) {
	c := startTrio(t, func(g *spec.Gateway) {
		g.APIs[0].Operations[1].MaxBackend.Production = spec.BackendLimit{Count: 30, Window: time.Hour}
	})
	answers := c.spend(t, "/pets/many", 30)
	if c.reached.Load() != 30 || !strings.Contains(answers[503], "900801") || len(answers) != 2 {
		t.Errorf("%d reached the backend, %v", c.reached.Load(), answers)
	}
	for _, g := range c.gateways {
		if s := g.State().Backends; s == nil || s.Redis.PerNode || !s.Redis.Answers {
			t.Errorf("%+v", s)
		}
	}
}
