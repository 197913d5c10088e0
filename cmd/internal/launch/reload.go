package launch

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"mgw/runtime/startup"
)

// reloadBound is how long the log is read for what came of a reload.
const reloadBound = 5 * time.Second

// reload tells the gateway to read its configuration anew, and shows what its
// log says of it.
func (b background) reload(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, reloadBound)
	defer cancel()
	pid, running, err := runningPID(ctx, b.target+pidSuffix)
	switch {
	case err != nil:
		return b.fail("%v", err)
	case !running:
		fmt.Fprintln(b.stdout, "No running microgateway is available")
		return exitNotRunning
	}
	log, err := os.Open(b.log())
	if err != nil {
		return b.fail("%v", err)
	}
	defer log.Close()
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return b.fail("%v", err)
	}
	if err := hangUp(pid); err != nil {
		return b.fail("telling the gateway (pid %d): %v", pid, err)
	}
	said, applied, refused := outcome(ctx, io.NewSectionReader(log, from, tailBytes))
	switch {
	case refused:
		return b.fail("the configuration was refused, the gateway goes on with the one before:\n    %s", strings.Join(said, "\n    "))
	case applied:
		fmt.Fprintln(b.stdout, "The configuration was reloaded")
	default: // the log's level may be above what would tell
		fmt.Fprintf(b.stdout, "The gateway (pid %d) was told to reload; see %s\n", pid, b.log())
	}
	return exitOK
}

// outcome waits until a log says what came of a reload. said are the lines up
// to there, whole ones alone.
func outcome(ctx context.Context, log *io.SectionReader) (said []string, applied, refused bool) {
	for {
		_, _ = log.Seek(0, io.SeekStart)
		data, _ := io.ReadAll(log) // what cannot be read tells nothing
		said = said[:0]
		for line := range strings.Lines(string(data)) {
			said = append(said, strings.TrimRight(line, "\n"))
			switch {
			case !strings.HasSuffix(line, "\n"):
			case strings.Contains(line, startup.ConfigurationReloaded):
				return said, true, false
			case strings.Contains(line, startup.ConfigurationRefused):
				return said, false, true
			}
		}
		if pause(ctx) != nil {
			return said, false, false
		}
	}
}
