package client

import (
	"context"
	"errors"

	"github.com/sallyport-dev/sallyport/console"
)

// Preview asks what given policies would do with all known images, and gives
// each line of the answer to each as it comes. It ends with ctx; the client's
// own timeout does not count.
func (c *Client) Preview(ctx context.Context, req console.PreviewRequest, each func(console.PreviewLine) error) (done console.PreviewSummary, err error) {
	err = lines(ctx, c, "/api/v1/assurance_policy/image/preview", req, func(line console.PreviewLine) (bool, error) {
		switch {
		case line.Error != "":
			return false, errors.New(line.Error)
		case line.Done != nil:
			done = *line.Done
			return true, nil
		}
		return false, each(line)
	})
	return done, err
}
