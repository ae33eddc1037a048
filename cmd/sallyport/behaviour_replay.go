package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/console"
)

func newBehaviourReplayCommand() *cobra.Command {
	r := &gateway{}
	var since string
	var all, dry bool
	c := &cobra.Command{
		Use: "replay [IMAGE...]", Short: "Judge earlier runs by the rules of now, without running the images again",
		Long: `Judges what was kept of earlier runs by the rules that the sandbox has now, and puts the verdicts in force
that follow: what became known today blocks yesterday's image at its next pull. Nothing is run. Permissions and
acknowledged risks stay. Shown is what changes, and what could not be judged.

The gate does the same by itself when the sandbox has other rules than before (setting analysis.replay).`,
		Example: `  sallyport behaviour replay --dry-run                # what would change
  sallyport behaviour replay --since 720h             # runs of the last 30 days
  sallyport behaviour replay ghcr.io/a/b:1 --all      # also if these rules judged it already`,
		RunE: func(cmd *cobra.Command, args []string) error {
			req := console.ReplayRequest{Images: args, All: all, DryRun: dry}
			var err error
			if req.Since, err = moment(since, time.Now()); err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			list := []analysis.Replayed{}
			done, err := c.Replay(cmd.Context(), req, func(one analysis.Replayed) error {
				list = append(list, one)
				return nil
			})
			if r.output == "json" && err == nil {
				return printJSON(cmd.OutOrStdout(), replayedList{list, done})
			}
			if e := printReplayed(cmd.OutOrStdout(), list); err == nil {
				err = e
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), replaySummary(done))
			return nil
		},
	}
	r.flags(c)
	c.Flags().StringVar(&since, "since", "", "only runs from then on: a day (2026-11-30), a time (RFC 3339), or how long ago (720h)")
	c.Flags().BoolVar(&all, "all", false, "also runs that the rules of now judged already")
	c.Flags().BoolVar(&dry, "dry-run", false, "change nothing, show what would change")
	return c
}

// replayedList is the answer as JSON.
type replayedList struct {
	Replayed []analysis.Replayed    `json:"replayed"`
	Summary  analysis.ReplaySummary `json:"summary"`
}

// moment reads a day, a time, or how long before now.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no point in time: write 2026-11-30, 2026-11-30T08:00:00Z or 720h", text)
}

func printReplayed(out io.Writer, list []analysis.Replayed) error {
	if len(list) == 0 {
		return nil
	}
	t := newTable(out, "OUTCOME", "DIGEST", "IMAGE", "BEFORE", "NOW", "BEHAVIOURS")
	for _, one := range list {
		var changes []string
		for _, s := range one.Added {
			changes = append(changes, "+"+s)
		}
		for _, s := range one.Removed {
			changes = append(changes, "-"+s)
		}
		what := strings.Join(changes, " ")
		if one.Reason != "" {
			what = strings.TrimSpace(what + " (" + one.Reason + ")")
		}
		t.row(string(one.Outcome), shortDigest(one.Digest.String()), one.Image, string(one.Before.Conclusion), string(one.After.Conclusion), what)
	}
	return t.flush()
}

// replaySummary is one line about all.
func replaySummary(s analysis.ReplaySummary) string {
	var parts []string
	for _, n := range []struct {
		count int
		what  string
	}{
		{s.Raised, "raised"}, {s.Lowered, "lowered"}, {s.Changed, "with other findings"}, {s.Same, "as before"},
		{s.Kept, "kept, since rules took no part"}, {s.Missing, "without a stored observation"},
		{s.Unreadable, "not readable any more"}, {s.Failed, "failed"}, {s.Current, "judged by these rules already"}, {s.NotRun, "never run"},
	} {
		if n.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.count, n.what))
		}
	}
	if len(parts) == 0 {
		parts = []string{"there is nothing to judge"}
	}
	text := fmt.Sprintf("rules %s of %s: %s", shortDigest(s.Ruleset), s.Version, strings.Join(parts, ", "))
	if s.DryRun {
		text += "; nothing was changed"
	}
	return text
}
