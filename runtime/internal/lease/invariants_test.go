package lease

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// schedules is how many random schedules each invariant is tried on;
// LEASE_SCHEDULES changes it, LEASE_SEED plays one again.
func schedules(t *testing.T, c func(seed uint64) chaos, check func(s *sim)) {
	t.Helper()
	if text := os.Getenv("LEASE_SEED"); text != "" {
		seed, _ := strconv.ParseUint(text, 10, 64)
		check(c(seed).run(t, seed))
		return
	}
	n, _ := strconv.Atoi(os.Getenv("LEASE_SCHEDULES"))
	if n == 0 {
		n = 300
		if testing.Short() || raceEnabled {
			n = 40
		}
	}
	for seed := range uint64(n) {
		// A subtest would hide which seed failed in a long list: say it.
		failed := true
		func() {
			defer func() {
				if failed {
					t.Logf("schedule %d (LEASE_SEED=%d)", seed, seed)
				}
			}()
			check(c(seed).run(t, seed))
			failed = t.Failed()
		}()
		if t.Failed() {
			return
		}
	}
}

// limits of the schedules: small, large, beyond what nodes prefetch.
func someSpec(seed uint64, reserve bool) Spec {
	counts := []int64{3, 20, 100, 400}
	return Spec{Count: counts[seed%4], Window: time.Second, Reserve: reserve}
}

func rough(seed uint64) chaos {
	return chaos{
		nodes: 2 + int(seed%5), seconds: 6, spec: someSpec(seed/2, seed%2 == 0), load: 2,
		loss: 0.02, slow: 0.02,
	}
}

func neverMoreThanTheLimit(t *testing.T) func(s *sim) {
	return func(s *sim) {
		for w, n := range s.taken {
			if n > s.spec.Count {
				s.fail("%d of %d taken in window %d", n, s.spec.Count, w)
			}
		}
	}
}

func TestGrantedLessReturnedNeverExceedsTheLimit(t *testing.T) {
	// 1 and 2 are checked at each grant and at each take.
	var taken, possible int64
	schedules(t, rough, func(s *sim) {
		neverMoreThanTheLimit(t)(s)
		for _, n := range s.taken {
			taken += n
		}
		possible += s.spec.Count * int64(s.seconds)
	})
	if taken < possible/2 {
		t.Errorf("the schedules prove little: %d of %d tokens taken", taken, possible)
	}
}

func TestLateDuplicatedAndReorderedAnswersChangeNothing(t *testing.T) {
	late := int64(0)
	schedules(t, func(seed uint64) chaos {
		c := rough(seed)
		c.slow = 0.3
		return c
	}, func(s *sim) {
		neverMoreThanTheLimit(t)(s)
		for _, n := range s.all {
			late += n.m.stats.late
		}
	})
	if late == 0 {
		t.Error("no answer came late")
	}
}

func TestGiveBackLeavesTheNodeFirstAndIsNeverRepeated(t *testing.T) {
	back := int64(0)
	schedules(t, func(seed uint64) chaos {
		c := rough(seed)
		c.load, c.closes, c.loss = 0.6, true, 0.1
		return c
	}, func(s *sim) {
		neverMoreThanTheLimit(t)(s)
		for _, n := range s.all {
			back += n.m.stats.returned
		}
	})
	if back == 0 {
		t.Error("nothing was given back")
	}
}

func TestSteppedServerClockDropsTokensAndCostsAtMostAWindow(t *testing.T) {
	schedules(t, func(seed uint64) chaos {
		c := rough(seed)
		c.steps = true
		return c
	}, func(s *sim) {
		if len(s.stepped) == 0 {
			neverMoreThanTheLimit(t)(s)
		}
		for w, n := range s.taken {
			if n > s.spec.Count*int64(1+len(s.stepped)) {
				s.fail("%d of %d taken in window %d after %d steps", n, s.spec.Count, w, len(s.stepped))
			}
		}
	})
}

func TestSuspendedNodesDropTheirTokens(t *testing.T) {
	schedules(t, func(seed uint64) chaos {
		c := rough(seed)
		c.suspends = true
		return c
	}, neverMoreThanTheLimit(t))
}

func TestLeasesAndSharesTogetherStayWithinTheLimit(t *testing.T) {
	onShare := int64(0)
	schedules(t, func(seed uint64) chaos {
		c := rough(seed)
		c.spec.Reserve = true
		c.partitions, c.outages, c.suspends, c.closes = true, seed%2 == 0, seed%3 == 0, seed%5 == 0
		c.seconds = 10
		return c
	}, func(s *sim) {
		neverMoreThanTheLimit(t)(s)
		for _, n := range s.all {
			onShare += n.m.stats.shares
		}
	})
	if onShare == 0 {
		t.Error("no node was on its share")
	}
}

func TestServerRestartedEmptyGrantsNoSecondTwice(t *testing.T) {
	schedules(t, func(seed uint64) chaos {
		c := rough(seed)
		c.losses = true
		return c
	}, neverMoreThanTheLimit(t))
}

func TestServerRestartedEmptyGrantsOnlyWhatNobodyRemembers(t *testing.T) {
	schedules(t, func(seed uint64) chaos {
		c := rough(seed)
		c.losses, c.loss, c.slow, c.seconds = true, 0, 0, 20
		c.spec.Window, c.spec.Count, c.load = time.Minute, 100+int64(seed%7)*200, 4
		return c
	}, func(s *sim) {
		for w, n := range s.taken {
			if n > s.spec.Count+s.extra[w] {
				s.fail("%d of %d taken in window %d, %d were forgotten", n, s.spec.Count, w, s.extra[w])
			}
		}
	})
}

func TestSmoothStaysWithinItsBoundInEveryInterval(t *testing.T) {
	var taken, possible float64
	schedules(t, func(seed uint64) chaos {
		c := rough(seed)
		c.spec.Smooth = true
		c.partitions, c.suspends, c.losses = seed%3 == 0, seed%5 == 0, seed%7 == 0
		return c
	}, func(s *sim) {
		rate := float64(s.spec.Count) / s.spec.Window.Seconds()
		for _, length := range []int64{20 * ms, 100 * ms, 1000 * ms, 3000 * ms} {
			bound := rate*(float64(length)/1e9+tokenTTL.Seconds()+1e-6) + float64(s.spec.burst())
			if s.partitions || s.losses {
				bound += float64(len(s.all)) // nodes on their share
			}
			first := 0
			for last := range s.times {
				for s.times[last]-s.times[first] > length {
					first++
				}
				if n := last - first + 1; float64(n) > bound {
					s.fail("%d in %v, bound %.1f", n, time.Duration(length), bound)
				}
			}
		}
		taken += float64(len(s.times))
		possible += rate * float64(s.seconds)
	})
	if taken < possible/2 {
		t.Errorf("the schedules prove little: %.0f of %.0f tokens taken", taken, possible)
	}
}
