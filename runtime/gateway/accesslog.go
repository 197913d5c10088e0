package gateway

import (
	"io"
	"os"

	"mgw/runtime/internal/telemetry"
)

// accessLog is the access log and the file behind it.
type accessLog struct {
	log  *telemetry.AccessLog
	file *os.File // nil: standard output alone
}

func (g *Gateway) openAccessLog() error {
	cfg := g.options.Config.AccessLog
	if g.options.CheckOnly || !cfg.Console && cfg.Path == "" {
		return nil
	}
	a := new(accessLog)
	var writers []io.Writer
	if cfg.Console {
		writers = append(writers, os.Stdout)
	}
	if cfg.Path != "" {
		file, err := telemetry.OpenAccessLog(cfg.Path)
		if err != nil {
			return err
		}
		a.file = file
		writers = append(writers, file)
	}
	g.access = a
	var err error
	a.log, err = telemetry.NewAccessLog(telemetry.AccessLogOptions{
		Writer: io.MultiWriter(writers...),
		Format: cfg.Format,
		Logger: g.options.Log,
	})
	return err
}

func (a *accessLog) close() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}
