package validate

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"mgw/runtime/spec"
)

// TestSchemasOfTheWorld reads the definitions that MGW_DEFINITIONS names, separated by
// spaces, and makes all their schemas ready.
func TestSchemasOfTheWorld(t *testing.T) {
	files := strings.Fields(os.Getenv("MGW_DEFINITIONS"))
	if len(files) == 0 {
		t.Skip("MGW_DEFINITIONS is not set")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all, said := readNamed(t, filepath.Base(file), string(data))
		packed, err := spec.PackSchemas(all)
		if err != nil {
			t.Fatal(err)
		}
		unchecked := 0
		g := &spec.Gateway{Schemas: packed, APIs: []spec.API{{}}}
		for _, m := range all.APIs[0].Operations {
			unchecked += min(1, len(m.Unchecked))
			g.APIs[0].Operations = append(g.APIs[0].Operations, spec.Operation{ID: m.Operation})
		}
		all = nil
		before, begin := heap(), time.Now()
		v, err := New(Options{Gateway: g, Log: slog.New(slog.DiscardHandler), MaxBody: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		started, idle := time.Since(begin), heap()-before
		begin = time.Now()
		count := map[*schemas]bool{}
		for _, op := range v.operations {
			if op == nil {
				continue
			}
			for _, m := range op.body {
				count[m.schema.from] = true
			}
			for _, a := range op.answers {
				for _, m := range a.media {
					count[m.schema.from] = true
				}
			}
		}
		ready := 0
		for s := range count {
			s.broken = func(i int, err error) { t.Errorf("%s: schema %d: %v", file, i, err) }
			for i := range s.all {
				s.all[i].get()
				ready++
			}
		}
		t.Logf("%s: %d operations, %d of them with parts left out; packed %d KB; start %v, %d MB; all %d schemas ready after %v, %d MB\n%s", filepath.Base(file), len(g.APIs[0].Operations), unchecked,
			len(packed)>>10, started.Round(time.Millisecond), idle>>20, ready, time.Since(begin).Round(time.Millisecond), (heap()-before)>>20, said)
		runtime.KeepAlive(v)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
