package interceptors

import (
	"context"
	"log/slog"
	"os"

	"mgw/runtime/interceptor"
)

var audit = slog.New(slog.NewJSONHandler(os.Stderr, nil))

// Audit notes who asked for what, and what became of it: a line for each answer
// to a request that the limits have let through.
func Audit(_ context.Context, r *interceptor.Response) error {
	request := r.Request()
	who := request.Principal()
	audit.Info("audit",
		"user", who.Subject, "application", who.Application.Name, "address", request.ClientIP(),
		"method", request.Method(), "path", request.Path(), "model", request.Property("model"),
		"status", r.Status(), "backend", r.Backend())
	return nil
}
