package client

import (
	"context"
	"errors"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/console"
)

// Replay has stored observations judged by the rules of now, and gives each
// that changed or could not be judged to each, as it comes. It ends with ctx;
// the client's own timeout does not count.
func (c *Client) Replay(ctx context.Context, req console.ReplayRequest, each func(analysis.Replayed) error) (done analysis.ReplaySummary, err error) {
	err = lines(ctx, c, "/api/v1/behaviours/replay", req, func(line console.ReplayLine) (bool, error) {
		switch {
		case line.Error != "":
			return false, errors.New(line.Error)
		case line.Done != nil:
			done = *line.Done
			return true, nil
		case line.Replayed == nil:
			return false, nil
		}
		return false, each(*line.Replayed)
	})
	return done, err
}
