package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/sallyport-dev/sallyport/config"
)

func newLogger(w io.Writer, c config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// redisLog takes the Redis client's own words, which would else go to standard
// error at every failed connection.
type redisLog struct{ log *slog.Logger }

func (l redisLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.DebugContext(ctx, fmt.Sprintf(format, v...), "from", "redis client")
}
