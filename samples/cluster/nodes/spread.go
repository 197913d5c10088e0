package nodes

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"mgw/samples/internal/harness"
)

// Spread sends requests of one application to the gateways in turn, one each
// pause whether or not earlier ones are answered, and gives how many each
// gateway admitted. All of it happens in one minute.
func Spread(ctx context.Context, gateways []*harness.Gateway, path, token string, requests int, pause time.Duration) ([]int, error) {
	rest := harness.UntilWindow(time.Now(), time.Minute, time.Duration(requests)*pause+2*time.Second)
	if err := sleep(ctx, rest); err != nil {
		return nil, err
	}
	statuses, errs := make([]int, requests), make([]error, requests)
	var group sync.WaitGroup
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for n := range requests {
		group.Go(func() {
			r := harness.Request{URL: gateways[n%len(gateways)].HTTP + path, Token: token}
			var a harness.Answer
			a, errs[n] = r.Send(ctx)
			statuses[n] = a.Status
		})
		<-tick.C
	}
	group.Wait()
	admitted := make([]int, len(gateways))
	for n, status := range statuses {
		switch {
		case errs[n] != nil:
			return nil, errs[n]
		case status == http.StatusOK:
			admitted[n%len(gateways)]++
		case status != http.StatusTooManyRequests:
			return nil, fmt.Errorf("request %d was answered %d", n+1, status)
		}
	}
	return admitted, nil
}

// Sum adds up.
func Sum(all []int) (total int) {
	for _, n := range all {
		total += n
	}
	return total
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
