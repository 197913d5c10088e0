package cli

import (
	"fmt"
	"strings"
	"time"

	"mgw/runtime/spec"
)

// limitText says what a quota allows: "20 a minute", "1 MiB an hour".
func limitText(q spec.Quota) string {
	if q.Unlimited {
		return "unlimited"
	}
	amount := fmt.Sprint(q.Count)
	if q.Bytes {
		amount = bytesText(q.Count)
	}
	text := amount + " " + windowText(q.Window)
	switch q.Algorithm {
	case spec.SlidingWindow:
		text += ", sliding"
	case spec.TokenBucket:
		text += ", token bucket"
	}
	return text
}

var units = []struct {
	length time.Duration
	one    string
	many   string
}{
	{365 * 24 * time.Hour, "a year", "years"},
	{30 * 24 * time.Hour, "a month", "months"},
	{7 * 24 * time.Hour, "a week", "weeks"},
	{24 * time.Hour, "a day", "days"},
	{time.Hour, "an hour", "hours"},
	{time.Minute, "a minute", "minutes"},
	{time.Second, "a second", "seconds"},
}

// windowText uses the largest unit that divides the window.
func windowText(window time.Duration) string {
	for _, u := range units {
		if window == u.length {
			return u.one
		}
		if window > u.length && window%u.length == 0 {
			return fmt.Sprintf("every %d %s", window/u.length, u.many)
		}
	}
	return "every " + window.String()
}

func bytesText(n int64) string {
	const unit = 1 << 10
	names := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for i < len(names)-1 && n >= unit && n%unit == 0 {
		n /= unit
		i++
	}
	return fmt.Sprintf("%d %s", n, names[i])
}

// tierText is the whole of a tier in words.
func tierText(t spec.Tier) string {
	parts := []string{limitText(t.Quota)}
	if t.Burst != nil {
		parts = append(parts, "bursts of "+limitText(*t.Burst))
	}
	if t.MaxConcurrent > 0 {
		parts = append(parts, fmt.Sprintf("%d at a time", t.MaxConcurrent))
	}
	for _, c := range t.Conditions {
		parts = append(parts, limitText(c.Quota)+" under conditions")
	}
	if t.PassOnQuota {
		parts = append(parts, "beyond it marked, not refused")
	}
	return strings.Join(parts, "; ")
}

// quotaJSON and tierJSON are how tiers appear in --format json.
type quotaJSON struct {
	Unlimited     bool    `json:"unlimited,omitempty"`
	Count         int64   `json:"count,omitempty"`
	Unit          string  `json:"unit,omitempty"` // requests, bytes
	WindowSeconds float64 `json:"windowSeconds,omitempty"`
	Algorithm     string  `json:"algorithm,omitempty"`
}

type tierJSON struct {
	Name string `json:"name"`
	quotaJSON
	StopOnQuota   bool       `json:"stopOnQuota"`
	Burst         *quotaJSON `json:"burst,omitempty"`
	MaxConcurrent int        `json:"maxConcurrent,omitempty"`
	Conditions    int        `json:"conditions,omitempty"`
	Allow         []string   `json:"allow,omitempty"`
	Deny          []string   `json:"deny,omitempty"`
}

func quotaAsJSON(q spec.Quota) quotaJSON {
	if q.Unlimited {
		return quotaJSON{Unlimited: true}
	}
	unit := "requests"
	if q.Bytes {
		unit = "bytes"
	}
	algorithm := q.Algorithm
	if algorithm == "" {
		algorithm = spec.FixedWindow
	}
	return quotaJSON{Count: q.Count, Unit: unit, WindowSeconds: q.Window.Seconds(), Algorithm: string(algorithm)}
}

func tierAsJSON(t spec.Tier) tierJSON {
	j := tierJSON{
		Name: t.Name, quotaJSON: quotaAsJSON(t.Quota), StopOnQuota: !t.PassOnQuota,
		MaxConcurrent: t.MaxConcurrent, Conditions: len(t.Conditions),
		Allow: t.Permissions.Allow, Deny: t.Permissions.Deny,
	}
	if t.Burst != nil {
		burst := quotaAsJSON(*t.Burst)
		j.Burst = &burst
	}
	return j
}
