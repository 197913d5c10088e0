package cache

import "testing"

func TestWhatComesAfterCountsOnAndStartsEmpty(t *testing.T) {
	before := newBench(t, fallback(60))
	before.do("GET /pets")
	before.do("GET /pets")
	after := newBench(t, fallback(60), func(o *Options) { o.Before = before.cache })
	before.cache.Retire()
	if s := before.cache.Stats(); s.Answers != 0 || s.Bytes != 0 {
		t.Errorf("kept: %+v", s)
	}
	before.do("GET /pets")
	if before.do("GET /pets"); before.calls() != 3 || before.cache.Stats().Answers != 0 {
		t.Errorf("%d calls, %+v", before.calls(), before.cache.Stats())
	}
	after.do("GET /pets")
	after.do("GET /pets")
	if s := after.cache.Stats(); after.calls() != 1 || s.Answers != 1 || s.Hits != 2 || s.Misses != 4 {
		t.Errorf("%d calls, %+v", after.calls(), s)
	}
	if after.cache.options.Before != nil {
		t.Error("the cache before stays in memory")
	}
}
