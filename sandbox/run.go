package sandbox

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
)

// run is one image on its way through its passes. What all passes share is
// here; what differs is in pass.
type run struct {
	runner   *Runner
	dir      *folder
	img      v1.Image
	req      Request
	budget   budget
	progress func(state string)
	log      *slog.Logger

	image    observation.Image // what the configuration says
	root     *rootfs.Root
	who      account
	secrets  *canary.Set
	plan     *plan // of the first pass
	hostname string
	events   *eventLog
	seq      uint64 // the last event's number: the next pass goes on from there

	made    []*pass // in their order
	main    *pass   // the one that stands for the image
	skipped []observation.Skipped
}

// limit is how long a state may last; 0 when there is no such limit.
func (r *run) limit(state string) time.Duration {
	if state == protocol.Running {
		return r.budget.total
	}
	return 0
}

// conduct takes the image from its bytes to judged passes, of which there is
// at least one.
func (r *run) conduct(ctx context.Context) ([]judge.Pass, error) {
	im, cf, err := describe(r.img, r.req.Reference)
	if err != nil {
		return nil, err
	}
	r.image = im
	planned, refused := makePlan(im, len(cf.RootFS.DiffIDs))
	if refused != nil {
		return r.notRun(refused), nil
	}
	r.plan = planned

	r.progress(protocol.Unpacking)
	began := time.Now()
	r.root, err = rootfs.Build(ctx, r.img, r.dir.file("root.erofs"), r.runner.cfg.Unpack)
	var tooLarge *rootfs.LimitError
	if errors.As(err, &tooLarge) {
		return r.notRun(notRun(report.Inconclusive, "the image is larger than the sandbox unpacks: %v", tooLarge)), nil
	}
	if err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", r.req.Reference, err)
	}
	r.runner.metrics.stage("unpack", began)
	defer func() {
		r.root.Close()
		os.Remove(r.root.Path) // the largest file of a run need not wait for Outcome.Close
	}()

	if r.who, err = resolve(r.root, planned.user); err != nil {
		return r.notRun(notRun(report.Inconclusive, "the image cannot be started: %v", err)), nil
	}
	r.image.Data = dataFiles(r.root)
	r.image.Program = program(r.root, planned, environment(planned.env, defaultPath))
	if r.secrets, err = canary.New(rand.Reader); err != nil {
		return nil, fmt.Errorf("making canaries: %w", err)
	}
	r.hostname = hostname()
	if r.events, err = newEventLog(r.dir.file(protocol.Events)); err != nil {
		return nil, err
	}
	defer r.events.Close()

	r.progress(protocol.Running)
	search := startSearch(ctx, r.root, maxSearched)
	defer search.end()
	if err := r.detonations(ctx); err != nil {
		return nil, err
	}
	if r.made[0].seen.Image.Search, err = search.result(r.made); err != nil {
		return nil, err
	}
	if err := r.events.Close(); err != nil {
		return nil, err
	}
	if err := r.keepDiff(); err != nil {
		return nil, err
	}
	r.progress(protocol.Judging)
	judged, err := r.judgeAll(ctx)
	if err != nil {
		return nil, err
	}
	judged[0].Observation.Run.Skipped = r.skipped
	return judged, nil
}

// judgeAll judges all passes by the same rules, which may be others than when
// the first pass was made.
func (r *run) judgeAll(ctx context.Context) ([]judge.Pass, error) {
	for {
		var judged []judge.Pass
		for _, p := range r.made {
			if err := r.judge(ctx, p); err != nil {
				return nil, err
			}
			judged = append(judged, judge.Pass{Observation: p.seen, Judgement: *p.judgement})
		}
		if sameRules(judged) {
			return judged, nil
		}
		for _, p := range r.made {
			p.judgement = nil
		}
	}
}

func sameRules(judged []judge.Pass) bool {
	return !slices.ContainsFunc(judged, func(p judge.Pass) bool { return p.Judgement.Ruleset != judged[0].Judgement.Ruleset })
}

// notRun is the only pass of an image of which nothing ran.
func (r *run) notRun(why *judge.Judgement) []judge.Pass {
	why.Ruleset = r.runner.Ruleset()
	b := observation.New(r.image, r.started(""))
	b.End(observation.End{Status: observation.Failed, Reason: why.Reason})
	return []judge.Pass{{Observation: b.Build(), Judgement: *why}}
}

// started is what is known of a pass before it begins.
func (r *run) started(pass string) observation.Run {
	return observation.Run{Started: r.runner.cfg.Now().UTC(), Profile: r.req.Profile.Name, Network: r.req.Profile.Network, Pass: pass}
}

// make makes a pass, which takes its time from the budget.
func (r *run) make(ctx context.Context, p *pass) error {
	began := time.Now()
	if err := p.detonate(ctx); err != nil {
		return err
	}
	r.runner.metrics.stage("detonate", began)
	r.budget.used += p.seen.Run.Duration
	r.made = append(r.made, p)
	if p.name == observation.Default {
		return nil
	}
	if err := os.RemoveAll(p.file(copiesFolder)); err != nil {
		return err
	}
	return appendCapture(r.dir.file(protocol.PCAP), p.file(protocol.PCAP))
}

// keepDiff leaves the one difference that is an artifact: that of the pass
// which stands for the image.
func (r *run) keepDiff() error {
	var errs []error
	for _, p := range r.made {
		if p != r.main && p.name != observation.Default {
			errs = append(errs, os.Remove(p.file(protocol.FSDiff)))
		}
	}
	if r.main.name != observation.Default {
		errs = append(errs, os.Rename(r.main.file(protocol.FSDiff), r.dir.file(protocol.FSDiff)))
	}
	for i, err := range errs {
		if errors.Is(err, fs.ErrNotExist) { // there was none
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// appendCapture moves the packets of the capture from to the end of the capture
// to. Both are whole.
func appendCapture(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("the capture of a later pass: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("the capture of the first pass: %w", err)
	}
	_, err = in.Seek(network.CaptureHeader, io.SeekStart)
	if err == nil {
		_, err = io.Copy(out, in)
	}
	if err := errors.Join(err, out.Close(), os.Remove(from)); err != nil {
		return fmt.Errorf("joining captures: %w", err)
	}
	return nil
}

// judge judges a pass, once.
func (r *run) judge(ctx context.Context, p *pass) error {
	if p.judgement != nil {
		return nil
	}
	began := time.Now()
	j, err := r.runner.cfg.Judge.Judge(ctx, p.seen)
	if err != nil {
		return fmt.Errorf("judging %s: %w", r.req.Reference, err)
	}
	r.runner.metrics.stage("judge", began)
	p.judgement = &j
	return nil
}
