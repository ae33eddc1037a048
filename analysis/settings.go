package analysis

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/sallyport-dev/sallyport/analysis/endpoint"
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

// Local is the sandbox service on this machine, which Settings without an
// endpoint mean. Without URL there is none.
type Local struct {
	URL   string
	Token string
}

// ErrNoSandbox is returned where the sandbox on this machine is meant and none runs.
var ErrNoSandbox = errors.New("no sandbox runs on this machine: set the endpoint of a sandbox service")

// License is what a sandbox service says about a token and its quota.
type License = protocol.License

// SettingsStore keeps the settings. It is safe for concurrent use.
type SettingsStore struct {
	objects *objects.Store
	local   func() Local
	ca      string // file, see Trust
	copy    *epoch.Copy[Settings]
}

const settingsKey = "settings/analysis"

// NewSettings returns the settings kept in store; initial until somebody saves
// others. local says where the sandbox on this machine is at the moment; nil
// when there is none.
func NewSettings(store *objects.Store, epochs *epoch.Epochs, initial Settings, local func() Local) (*SettingsStore, error) {
	if store == nil || epochs == nil {
		return nil, errors.New("settings need objects and epochs")
	}
	if local == nil {
		local = func() Local { return Local{} }
	}
	s := &SettingsStore{objects: store, local: local}
	s.copy = epoch.NewCopy(epochs, epoch.Settings, func(ctx context.Context) (Settings, error) {
		var set Settings
		err := store.GetJSON(ctx, settingsKey, &set)
		if errors.Is(err, objects.ErrNotFound) {
			return initial, nil
		}
		return set, err
	})
	return s, nil
}

// Trust has endpoints' certificates checked against those in the PEM file ca,
// too; empty is the system's alone. The file is read at each use, so that it
// can be replaced. It is called before the store is used.
func (s *SettingsStore) Trust(ca string) { s.ca = ca }

// Get returns the settings in force, on whichever replica they were saved.
func (s *SettingsStore) Get(ctx context.Context) (Settings, error) {
	set, err := s.copy.Get(ctx)
	if err != nil {
		return Settings{}, fmt.Errorf("settings of dynamic threat analysis: %w", err)
	}
	return set, nil
}

// Check asks the endpoint of set whether its token is good, and changes
// nothing. Errors wrap ErrNoSandbox or one of package endpoint.
func (s *SettingsStore) Check(ctx context.Context, set Settings) (protocol.License, error) {
	client, err := s.client(set)
	if err != nil {
		return protocol.License{}, err
	}
	defer client.Close()
	return client.License(ctx)
}

// Save checks set, if it is enabled, and puts it in force on every replica.
// What is in force stays so when the check fails.
func (s *SettingsStore) Save(ctx context.Context, set Settings) (protocol.License, error) {
	var license protocol.License
	if set.Enabled {
		var err error
		if license, err = s.Check(ctx, set); err != nil {
			return license, fmt.Errorf("settings not saved: %w", err)
		}
	}
	if err := s.objects.PutJSON(ctx, settingsKey, set); err != nil {
		return license, err
	}
	s.copy.Changed(ctx)
	return license, nil
}

func (s *SettingsStore) client(set Settings) (*endpoint.Client, error) {
	if set.Endpoint != "" {
		roots, err := s.roots()
		if err != nil {
			return nil, err
		}
		return endpoint.NewTrusting(set.Endpoint, set.Token, roots)
	}
	local := s.local()
	if local.URL == "" {
		return nil, ErrNoSandbox
	}
	return endpoint.New(local.URL, local.Token)
}

// roots are the certificates that endpoints' are checked against; nil for the system's.
func (s *SettingsStore) roots() (*x509.CertPool, error) {
	if s.ca == "" {
		return nil, nil
	}
	text, err := os.ReadFile(s.ca)
	if err != nil {
		return nil, fmt.Errorf("analysis.ca: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("analysis.ca: %s holds no certificate in PEM", s.ca)
	}
	return roots, nil
}
