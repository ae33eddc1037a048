package proxy

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/fill"
	"github.com/sallyport-dev/sallyport/proxy/lease"
)

// fillClaims has the replicas on one storage fetch each blob once.
type fillClaims struct{ leases *lease.Leases }

func (f fillClaims) Take(ctx context.Context, d digest.Digest, say fill.Notice) (fill.Claim, fill.Notice, error) {
	b, err := json.Marshal(say)
	if err != nil {
		return nil, fill.Notice{}, err
	}
	mine, said, err := f.leases.Take(ctx, d.String(), string(b))
	if err != nil {
		return nil, fill.Notice{}, err
	}
	if mine != nil {
		return mine, fill.Notice{}, nil
	}
	var other fill.Notice
	if err := json.Unmarshal([]byte(said), &other); err != nil {
		return nil, fill.Notice{}, fmt.Errorf("another replica's claim cannot be read: %w", err)
	}
	return nil, other, nil
}

func (f fillClaims) Taken(ctx context.Context, d digest.Digest) (bool, error) {
	return f.leases.Taken(ctx, d.String())
}
