package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/cache"
	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/report"
)

func newCacheCommand() *cobra.Command {
	r := &gateway{}
	c := newGatewayCommand(r, "cache", "Look at what the proxy keeps; keep images in it, or delete them from it",
		newCacheListCommand(r), newCacheShowCommand(r), newCachePinCommand(r), newCacheUnpinCommand(r), newCachePurgeCommand(r),
	)
	c.Long = `What is pulled is kept until proxy.cache says otherwise: the images that were not pulled for longest go first, with
those of their layers that no other image needs. A pinned image stays. Deleting one denies nothing: the next pull
fetches it again. What the gate knows of an image (facts, verdicts, reports) is no part of the cache.`
	return c
}

func newCacheListCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "list [PART]", Short: "List cached images, all or those whose name contains PART, last used first", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			images, err := c.CachedImages(cmd.Context(), strings.Join(args, ""))
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), images)
			}
			usage, err := c.Cache(cmd.Context())
			if err != nil {
				return err
			}
			if err := printCached(cmd.OutOrStdout(), images); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "\n"+printUsage(usage))
			return nil
		},
	}
}

func printCached(out io.Writer, images []cache.Image) error {
	t := newTable(out, "IMAGE", "DIGEST", "SIZE", "FREES", "USED", "PINNED")
	for _, i := range images {
		t.row(cachedName(i), shortDigest(i.Digest.String()), size(i.Size), size(i.Frees), day(i.Used), pinMark(i.Pinned))
	}
	return t.flush()
}

func pinMark(pinned bool) string {
	if pinned {
		return "yes"
	}
	return ""
}

func cachedName(i cache.Image) string {
	if len(i.Tags) == 0 {
		return i.Repository
	}
	return i.Repository + ":" + strings.Join(i.Tags, ",")
}

func printUsage(u cache.Usage) string {
	s := fmt.Sprintf("%s in %d blobs of %d manifests", size(u.Bytes), u.Blobs, u.Manifests)
	if u.Limit > 0 {
		s += fmt.Sprintf("; limit %s", size(u.Limit))
	} else {
		s += "; no limit (proxy.cache.size)"
	}
	if u.Keep != "" {
		s += "; images unused for " + u.Keep + " go"
	}
	return s
}

// size is a number of bytes as people read it.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}

func newCacheShowCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "show IMAGE|DIGEST", Short: "Show what is cached of an image, and what keeps each blob; or what keeps the blob with a digest", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			if digest.Digest(args[0]).Validate() == nil {
				b, err := c.CachedBlob(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if r.output == "json" {
					return printJSON(cmd.OutOrStdout(), b)
				}
				return printBlobs(cmd.OutOrStdout(), "", b)
			}
			i, err := c.CachedImage(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), i)
			}
			t := newTable(cmd.OutOrStdout())
			t.row("Image", cachedName(i))
			t.row("Digest", i.Digest.String())
			t.row("Type", i.MediaType)
			t.row("Size", size(i.Size))
			t.row("Frees", size(i.Frees))
			t.row("Used", day(i.Used))
			t.row("Pinned", yesNo(i.Pinned))
			if err := t.flush(); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout())
			return printBlobs(cmd.OutOrStdout(), i.Repository+"@"+i.Digest.String(), i.Blobs...)
		},
	}
}

// printBlobs lists blobs with what keeps them, except the image that is shown.
func printBlobs(out io.Writer, shown string, blobs ...cache.Blob) error {
	t := newTable(out, "BLOB", "SIZE", "KEPT BY")
	for _, b := range blobs {
		stored := "not cached"
		if b.Cached {
			stored = size(b.Size)
		}
		var others []string
		for _, k := range b.KeptBy {
			if k == shown {
				k = "this image"
			}
			others = append(others, k)
		}
		t.row(b.Digest.String(), stored, strings.Join(others, ", "))
	}
	return t.flush()
}

func newCachePinCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "pin [IMAGE…]", Short: "Keep images whatever their age; without arguments, list what is pinned",
		Long: `An image pinned by tag is whatever the tag means at the time, one pinned by digest is that. It need not be in the
cache yet: it is kept once it is pulled.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return r.each(cmd, args, func(ctx context.Context, c *client.Client, name string) (string, error) {
					_, err := c.Pin(ctx, name)
					return "pinned", err
				})
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			pins, err := c.Pins(cmd.Context())
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), pins)
			}
			t := newTable(cmd.OutOrStdout(), "IMAGE", "CACHED", "AUTHOR", "CREATED")
			for _, p := range pins {
				t.row(p.Image, yesNo(p.Cached), p.Author, day(p.Created))
			}
			return t.flush()
		},
	}
}

func newCacheUnpinCommand(r *gateway) *cobra.Command {
	return &cobra.Command{
		Use: "unpin IMAGE…", Short: "Let pinned images go when their time comes; write them as they were pinned", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.each(cmd, args, func(ctx context.Context, c *client.Client, name string) (string, error) {
				return "not pinned any more", c.Unpin(ctx, name)
			})
		},
	}
}

func newCachePurgeCommand(r *gateway) *cobra.Command {
	var req console.PurgeRequest
	var older time.Duration
	c := &cobra.Command{
		Use: "purge [IMAGE…]", Short: "Delete images from the cache: those named, of a repository, unused for a time, or all",
		Example: `  sallyport cache purge docker.io/library/nginx:1.27
  sallyport cache purge --repository ghcr.io/team/app --older-than 168h
  sallyport cache purge --older-than 720h --dry-run
  sallyport cache purge --all`,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Images = args
			if cmd.Flags().Changed("older-than") {
				req.OlderThan = older.String()
			}
			if req.All && (len(args) > 0 || len(req.Repositories) > 0) {
				return fmt.Errorf("--all and names exclude each other")
			}
			if !req.All && len(args) == 0 && len(req.Repositories) == 0 && req.OlderThan == "" {
				return fmt.Errorf("say what is to go: images, --repository, --older-than or --all; --dry-run shows it first")
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			done, err := c.Purge(cmd.Context(), req)
			if err != nil {
				return err
			}
			if r.output == "json" {
				return printJSON(cmd.OutOrStdout(), done)
			}
			return printPurged(cmd.OutOrStdout(), done)
		},
	}
	c.Flags().StringSliceVar(&req.Repositories, "repository", nil, "all images of a repository")
	c.Flags().DurationVar(&older, "older-than", 0, "only images that were not pulled for so long, e.g. 720h")
	c.Flags().BoolVar(&req.All, "all", false, "every image that is not pinned")
	c.Flags().BoolVar(&req.DryRun, "dry-run", false, "show what would go, and delete nothing")
	return c
}

func printPurged(out io.Writer, p cache.Purged) error {
	if len(p.Images) > 0 {
		if err := printCached(out, p.Images); err != nil {
			return err
		}
		fmt.Fprintln(out)
	}
	for _, name := range p.Pinned {
		fmt.Fprintf(out, "%s stays: it is pinned\n", report.Escape(name))
	}
	for _, name := range p.InUse {
		fmt.Fprintf(out, "%s stays: it is being pulled\n", report.Escape(name))
	}
	word := "deleted"
	if p.DryRun {
		word = "would delete"
	}
	fmt.Fprintf(out, "%s %d images, %d blobs, %s\n", word, len(p.Images), p.Blobs, size(p.Bytes))
	return nil
}
