package api

import (
	"log/slog"
	"net/http"

	"github.com/cordonhq/cordon"
)

func levelOf(status int) slog.Level {
	if status >= 500 {
		return slog.LevelError
	}
	return slog.LevelInfo
}

// logAttrs names what failed. The address is the route's pattern, since queries and file names
// may point to a person; errors of callers go in by their code for the same reason.
func logAttrs(r *http.Request, f *failure, ref cordon.ID, err error) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("reference", string(ref)),
		slog.String("endpoint", r.Pattern),
		slog.Int("status", f.status),
		slog.String("code", f.code),
	}
	if f.status >= 500 {
		attrs = append(attrs, slog.String("error", err.Error()))
	}
	return attrs
}
