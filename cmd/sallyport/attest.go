package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/report/attest"
	"github.com/sallyport-dev/sallyport/report/export"
	"github.com/sallyport-dev/sallyport/verdict"
)

// concluded is told of verdicts; nil when nobody wants to know.
type concluded func(ctx context.Context, v verdict.Verdict, raw []byte)

// attester attaches signed statements to images where they come from.
type attester struct {
	key      *attest.Key
	tag      bool
	places   map[string]place // by registry
	attached *prometheus.CounterVec
	log      *slog.Logger
}

// place is how a registry is written to.
type place struct {
	host     string
	insecure bool // plain HTTP
	auth     remote.Option
}

// attachTime bounds one statement on its way.
const attachTime = time.Minute

// newAttester returns nil when nothing is to be attached.
func newAttester(cfg config.Config, upstreams []proxy.Upstream, log *slog.Logger, reg prometheus.Registerer) (concluded, error) {
	set := cfg.Analysis.Attest
	if set.Key == "" {
		return nil, nil
	}
	key, err := attest.LoadKey(set.Key, passwordFrom(set.PasswordFile))
	if err != nil {
		return nil, fmt.Errorf("analysis.attest: %w", err)
	}
	a := &attester{key: key, tag: set.Tag, places: map[string]place{}, log: log, attached: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sallyport_attestations_total", Help: "Signed statements about images, by what became of them: attached, failed, or stays: attached, and an earlier one could not be taken away.",
	}, []string{"result"})}
	if err := reg.Register(a.attached); err != nil {
		return nil, fmt.Errorf("registering metrics of attestations: %w", err)
	}
	for _, u := range upstreams {
		a.places[u.Registry] = placeFor(u)
	}
	return a.concluded, nil
}

// placeFor is the first endpoint of an upstream, with the gate's own credentials.
func placeFor(u proxy.Upstream) place {
	p := place{host: u.Registry, auth: remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	username, password := u.Username, u.Password
	if len(u.Endpoints) > 0 {
		if e, err := url.Parse(u.Endpoints[0]); err == nil && e.Host != "" {
			p.host, p.insecure = e.Host, e.Scheme == "http"
		}
		if s := u.Settings[u.Endpoints[0]]; s.Username != "" {
			username, password = s.Username, s.Password
		}
	}
	switch {
	case username != "":
		p.auth = remote.WithAuth(&authn.Basic{Username: username, Password: password})
	case u.Keychain != nil:
		p.auth = remote.WithAuthFromKeychain(authn.NewMultiKeychain(u.Keychain, authn.DefaultKeychain))
	}
	return p
}

// concluded attaches a statement to the image of v. A verdict without one is a
// verdict all the same.
func (a *attester) concluded(ctx context.Context, v verdict.Verdict, raw []byte) {
	ctx, cancel := context.WithTimeout(ctx, attachTime)
	defer cancel()
	at, err := a.attach(ctx, v, raw)
	if errors.Is(err, attest.ErrStays) {
		a.attached.WithLabelValues("stays").Inc()
		a.log.WarnContext(ctx, "a signed statement was attached beside an earlier one", "image", v.Subject.Name, "digest", v.Digest,
			"conclusion", v.Conclusion, "at", at.String(), "error", err)
		return
	}
	if err != nil {
		a.attached.WithLabelValues("failed").Inc()
		a.log.WarnContext(ctx, "a statement could not be attached", "image", v.Subject.Name, "digest", v.Digest, "error", err)
		return
	}
	a.attached.WithLabelValues("attached").Inc()
	a.log.InfoContext(ctx, "a signed statement was attached", "image", v.Subject.Name, "digest", v.Digest, "conclusion", v.Conclusion, "at", at.String())
}

func (a *attester) attach(ctx context.Context, v verdict.Verdict, raw []byte) (name.Digest, error) {
	// The name is the gate's own; what the report says is the sandbox's word.
	ref, err := image.Parse(v.Subject.Name)
	if err != nil {
		return name.Digest{}, fmt.Errorf("the name under which it was run is not known: %w", err)
	}
	p, ok := a.places[ref.Registry]
	if !ok {
		return name.Digest{}, fmt.Errorf("%s is no upstream any more", ref.Registry)
	}
	subject, err := p.digest(ref.Repository, v.Digest.String())
	if err != nil {
		return name.Digest{}, err
	}
	said, err := signed(a.key, raw, time.Now())
	if err != nil {
		return name.Digest{}, err
	}
	said.Tag = a.tag
	return attest.Attach(ctx, subject, said, p.auth)
}

func (p place) digest(repository, digest string) (name.Digest, error) {
	options := []name.Option{name.StrictValidation}
	if p.insecure {
		options = append(options, name.Insecure)
	}
	return name.NewDigest(p.host+"/"+repository+"@"+digest, options...)
}

// signed is the statement that a report amounts to, signed.
func signed(key *attest.Key, raw []byte, now time.Time) (attest.Attachment, error) {
	r, err := report.Decode(bytes.NewReader(raw))
	if err != nil {
		return attest.Attachment{}, err
	}
	var statement bytes.Buffer
	if err := export.IssuedStatement(&statement, r, now); err != nil {
		return attest.Attachment{}, err
	}
	b, err := attest.Sign(key, statement.Bytes())
	return attest.Attachment{Bundle: b, Key: key, Now: now}, err
}

// passwordFrom reads a key's password from a file, else from where cosign has it.
func passwordFrom(file string) func() ([]byte, error) {
	return func() ([]byte, error) {
		if file == "" {
			return []byte(os.Getenv("COSIGN_PASSWORD")), nil
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("the password of the signing key: %w", err)
		}
		return []byte(strings.TrimRight(string(b), "\r\n")), nil
	}
}

// attachHere attaches a statement to the image of a report, in the repository that
// it came from or in another one, with the credentials of docker login.
func attachHere(ctx context.Context, r *report.Report, said attest.Attachment, repository string) (name.Digest, error) {
	from, _, _ := strings.Cut(r.Image.Reference, "@")
	if repository == "" {
		ref, err := image.Parse(from)
		if err != nil {
			return name.Digest{}, fmt.Errorf("the report does not say where its image is: %w; name the repository: --attach=REGISTRY/REPOSITORY", err)
		}
		repository = ref.Registry + "/" + ref.Repository
	}
	subject, err := name.NewDigest(repository + "@" + r.Image.Digest)
	if err != nil {
		return name.Digest{}, fmt.Errorf("--attach: %w", err)
	}
	return attest.Attach(ctx, subject, said, remote.WithAuthFromKeychain(authn.DefaultKeychain))
}

// signing are the flags of a report that is signed.
type signing struct {
	key, passwordFile, attach string
	tag                       bool
}

// here is the --attach without a repository.
const here = "the image's own repository"

func (s *signing) check(format string) error {
	switch {
	case s.tag && s.attach == "":
		return errors.New("--attach-tag goes with --attach")
	case s.key == "" && (s.attach != "" || s.passwordFile != ""):
		return errors.New("--attach and --password-file go with --sign KEY: only signed statements are attached")
	case s.key != "" && format != "in-toto":
		return fmt.Errorf("--sign goes with --format in-toto, not %s", cmp.Or(format, "table"))
	}
	if _, err := os.Stat(s.key); s.key != "" && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--sign: %w", err)
	}
	return nil
}

// write signs the statement about a report, prints it, and attaches it where that is wanted.
func (s *signing) write(cmd *cobra.Command, r *report.Report, raw []byte) error {
	key, err := attest.LoadKey(s.key, passwordFrom(s.passwordFile))
	if err != nil {
		return err
	}
	said, err := signed(key, raw, time.Now())
	if err != nil {
		return err
	}
	if s.attach == "" {
		return printJSON(cmd.OutOrStdout(), said.Bundle)
	}
	said.Tag = s.tag
	repository := s.attach
	if repository == here {
		repository = ""
	}
	at, err := attachHere(cmd.Context(), r, said, repository)
	if err == nil || errors.Is(err, attest.ErrStays) {
		_, printed := fmt.Fprintln(cmd.OutOrStdout(), at)
		err = errors.Join(err, printed)
	}
	return err
}
