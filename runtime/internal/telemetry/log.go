// Package telemetry is what the gateway says about itself: the structured log,
// the counters that the admin listener shows, and the access log.
//
// Counters and AccessLog take part in an exchange's chain through their Done
// functions; neither allocates, blocks or does I/O on a request's path. The
// access log's lines are written by one goroutine, which a slow or broken disk
// may hold up: lines are dropped and counted then, requests go on.
//
// Nothing here ever prints a credential, a query string or a field value, and
// whatever a client may have chosen is escaped, so that a line stays a line.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// levelTrace is below slog's debug level.
const levelTrace = slog.LevelDebug - 4

// levelOff is above everything that is logged.
const levelOff = slog.Level(1 << 10)

var levels = map[string]slog.Level{
	"TRACE": levelTrace, "DEBUG": slog.LevelDebug, "INFO": slog.LevelInfo,
	"WARN": slog.LevelWarn, "ERROR": slog.LevelError, "OFF": levelOff,
}

// ParseLevel reads one of TRACE, DEBUG, INFO, WARN, ERROR and OFF.
func ParseLevel(name string) (slog.Level, error) {
	l, ok := levels[strings.ToUpper(name)]
	if !ok {
		return 0, fmt.Errorf("unknown log level %q", name)
	}
	return l, nil
}

// NewLogger makes the log: format is text or json, level as for ParseLevel.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	l, err := ParseLevel(level)
	if err != nil {
		return nil, err
	}
	return NewLeveledLogger(w, l, format)
}

// NewLeveledLogger makes a log whose level may change later.
func NewLeveledLogger(w io.Writer, level slog.Leveler, format string) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: nameLevel}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, fmt.Errorf("unknown log format %q", format)
}

// nameLevel writes TRACE for what slog would call DEBUG-4.
func nameLevel(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.LevelKey && a.Value.Any() == levelTrace {
		a.Value = slog.StringValue("TRACE")
	}
	return a
}
