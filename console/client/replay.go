package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/console"
)

// maxReplay is the longest answer that is read, in bytes: less than a kilobyte
// for each image that changes.
const maxReplay = 1 << 30

// Replay has stored observations judged by the rules of now, and gives each
// that changed or could not be judged to each, as it comes. It ends with ctx;
// the client's own timeout does not count.
func (c *Client) Replay(ctx context.Context, req console.ReplayRequest, each func(analysis.Replayed) error) (analysis.ReplaySummary, error) {
	var none analysis.ReplaySummary
	body, err := c.stream(ctx, http.MethodPost, "/api/v1/behaviours/replay", req)
	if err != nil {
		return none, err
	}
	defer body.Close()
	lines := json.NewDecoder(io.LimitReader(body, maxReplay))
	for {
		var line console.ReplayLine
		err := lines.Decode(&line)
		switch {
		case ctx.Err() != nil:
			return none, context.Cause(ctx)
		case err != nil:
			return none, fmt.Errorf("the replay of %s broke off: %w", c.base, err)
		case line.Error != "":
			return none, errors.New(line.Error)
		case line.Done != nil:
			return *line.Done, nil
		case line.Replayed == nil:
			continue
		}
		if err := each(*line.Replayed); err != nil {
			return none, err
		}
	}
}
