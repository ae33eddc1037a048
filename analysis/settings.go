package analysis

import (
	"context"
	"errors"

	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// Settings are what people change while the gate runs.
type Settings struct {
	Enabled  bool   `json:"enabled"`
	Endpoint string `json:"endpoint"` // URL of a sandbox service; empty means the one on this machine
	Token    string `json:"token"`    // secret; not shown to people
}

// SettingsStore keeps the settings. It is safe for concurrent use.
type SettingsStore struct {
	objects *objects.Store
	epochs  *epoch.Epochs
}

// Local is the sandbox service on this machine, which Settings without an endpoint mean.
type Local struct {
	URL   string
	Token string
}

// NewSettings returns the settings kept in store; initial until somebody saves others.
func NewSettings(store *objects.Store, epochs *epoch.Epochs, initial Settings, local func() Local) (*SettingsStore, error) {
	return &SettingsStore{objects: store, epochs: epochs}, nil
}

// Get returns the settings in force.
func (s *SettingsStore) Get(ctx context.Context) (Settings, error) {
	return Settings{}, errors.ErrUnsupported
}

// Check asks the endpoint of set whether its token is good, and changes nothing.
func (s *SettingsStore) Check(ctx context.Context, set Settings) (protocol.License, error) {
	return protocol.License{}, errors.ErrUnsupported
}

// Save checks set, if it is enabled, and puts it in force on every replica.
// What is in force stays so when the check fails.
func (s *SettingsStore) Save(ctx context.Context, set Settings) (protocol.License, error) {
	return protocol.License{}, errors.ErrUnsupported
}
