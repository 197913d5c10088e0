package gateway

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestAnUnknownTierIsLoggedOnce(t *testing.T) {
	log := new(syncBuffer)
	report := new(unknownTiers).reporter(slog.New(slog.NewTextHandler(log, nil)))
	for range 3 {
		report("subscription", "Platinum")
	}
	if n := strings.Count(log.String(), "tier=Platinum"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	for n := range 1000 {
		report("application", fmt.Sprint(n))
	}
	if n := strings.Count(log.String(), "\n"); n != maxUnknown {
		t.Errorf("%d lines for a thousand tiers", n)
	}
}
