package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"testing/fstest"

	opa "github.com/open-policy-agent/opa/v1/bundle"
	opakeys "github.com/open-policy-agent/opa/v1/keys"
)

// Files reads an archive that was fetched, by the keys as they are now, and
// makes nothing of what is in it: an archive of something else than policies, in
// which one broken file is to stop no other.
func (s *Source) Files(raw []byte) (fs.FS, error) {
	keys, err := s.cfg.Keys.Load()
	if err == nil {
		var files fs.FS
		if files, err = unpackSigned(raw, keys); err == nil {
			return files, nil
		}
	}
	return nil, fmt.Errorf("bundle %s: %w", s.Name(), err)
}

func unpackSigned(raw []byte, keys *Keys) (fs.FS, error) {
	files, err := unpack(raw)
	if err != nil {
		return nil, fmt.Errorf("the bundle %w", err)
	}
	if err := keys.verifyBytes(files); err != nil {
		return nil, err
	}
	fsys := fstest.MapFS{}
	for _, f := range files {
		fsys[f.name] = &fstest.MapFile{Data: f.b, Mode: 0o444}
	}
	return fsys, nil
}

// verifyBytes is verify for files that OPA does not read.
func (k *Keys) verifyBytes(files []file) error {
	if k == nil {
		return nil
	}
	id, err := signedBy(files)
	if err != nil {
		return err
	}
	if k.id != "" && id != k.id {
		return fmt.Errorf("%w: it is of the key %q, and %q is wanted", ErrSignature, id, k.id)
	}
	var faults []error
	for _, key := range k.keys {
		err := verifyBy(key, files)
		if err == nil {
			return nil
		}
		faults = append(faults, err)
	}
	return fmt.Errorf("%w: %w", ErrSignature, errors.Join(faults...))
}

func verifyBy(key *opakeys.Config, files []file) error {
	var s opa.SignaturesConfig
	for _, f := range files {
		if f.name == signatures {
			if err := json.Unmarshal(f.b, &s); err != nil {
				return err
			}
		}
	}
	const name = "configured"
	signed, err := opa.VerifyBundleSignature(s, opa.NewVerificationConfig(map[string]*opakeys.Config{name: key}, name, "", nil))
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.name == signatures {
			continue
		}
		if err := opa.VerifyBundleFile(f.name, *bytes.NewBuffer(f.b), signed); err != nil { // takes it out of signed
			return err
		}
	}
	if len(signed) > 0 {
		return fmt.Errorf("%s is signed, and missing", slices.Sorted(maps.Keys(signed))[0])
	}
	return nil
}

// Pack makes an archive of files as they are, signed where set has a key. The
// revision is that of set, or the hash of the files.
func Pack(files Files, set Settings) (Archive, error) {
	if len(files) == 0 {
		return Archive{}, errors.New("there is nothing to pack")
	}
	a := Archive{Revision: set.Revision, Roots: []string{""}}
	all := maps.Clone(files)
	if a.Revision == "" {
		sum := sha256.New()
		for _, name := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprintf(sum, "%d %s %d\n", len(name), name, len(all[name]))
			sum.Write(all[name])
		}
		a.Revision = hex.EncodeToString(sum.Sum(nil))[:16]
	}
	var err error
	if all[manifestFile], err = manifest(a); err != nil {
		return a, err
	}
	if set.Key != "" {
		if all[signatures], err = sign(all, set); err != nil {
			return a, fmt.Errorf("signing: %w", err)
		}
	}
	a.Files = order(all)
	a.Bytes, err = pack(all, a.Files)
	return a, err
}
