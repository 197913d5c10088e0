package cli

import (
	"runtime/debug"
	"strings"
	"testing"

	"mgw/runtime/spec"
)

func TestVersionNamesTheCommitWhereItIsKnown(t *testing.T) {
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"},
	}}
	if got := currentVersion(info).String(); !strings.HasPrefix(got, "mgw "+spec.Version+" (abc123, 2026-01-02T03:04:05Z, go") {
		t.Errorf("got %q", got)
	}
	if got := currentVersion(nil).String(); !strings.HasPrefix(got, "mgw "+spec.Version+" (go") {
		t.Errorf("got %q", got)
	}
}
