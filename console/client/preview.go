package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/sallyport-dev/sallyport/console"
)

// maxPreview is the longest preview that is read, in bytes: some kilobytes for
// each image that changes.
const maxPreview = 1 << 30

// Preview asks what given policies would do with all known images, and gives
// each line of the answer to each as it comes. It ends with ctx; the client's
// own timeout does not count.
func (c *Client) Preview(ctx context.Context, req console.PreviewRequest, each func(console.PreviewLine) error) (console.PreviewSummary, error) {
	var done console.PreviewSummary
	body, err := c.stream(ctx, http.MethodPost, "/api/v1/assurance_policy/image/preview", req)
	if err != nil {
		return done, err
	}
	defer body.Close()
	lines := json.NewDecoder(io.LimitReader(body, maxPreview))
	for {
		var line console.PreviewLine
		err := lines.Decode(&line)
		switch {
		case ctx.Err() != nil:
			return done, context.Cause(ctx)
		case err != nil:
			return done, fmt.Errorf("the preview of %s broke off: %w", c.base, err)
		case line.Error != "":
			return done, errors.New(line.Error)
		case line.Done != nil:
			return *line.Done, nil
		}
		if err := each(line); err != nil {
			return done, err
		}
	}
}
