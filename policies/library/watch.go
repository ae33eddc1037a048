package library

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sync/errgroup"
)

// Run follows changes of the folder, of what other replicas keep, polls the
// bundles, and looks for itself now and then, until ctx ends. It returns nil then, and an error
// only when it cannot follow at all.
func (l *Library) Run(ctx context.Context) error {
	watcher, err := l.watch()
	if err != nil {
		return err
	}
	if watcher != nil {
		defer watcher.Close()
	}
	told := make(chan struct{}, 1)
	group, ctx := errgroup.WithContext(ctx)
	if l.cfg.Bus != nil {
		group.Go(func() error {
			return l.cfg.Bus.Subscribe(ctx, Topic, func() {
				select {
				case told <- struct{}{}:
				default: // somebody has told already
				}
			})
		})
	}
	for _, s := range l.supplies {
		group.Go(func() error { l.poll(ctx, s); return nil })
	}
	group.Go(func() error { l.follow(ctx, watcher, told); return nil })
	return group.Wait()
}

// watch observes the folder and all below it. Without a folder it is nil.
func (l *Library) watch() (*fsnotify.Watcher, error) {
	if l.cfg.Folder == "" {
		return nil, nil
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", l.cfg.Folder, err)
	}
	if err := l.observe(w); err != nil {
		w.Close()
		return nil, fmt.Errorf("watching %s: %w", l.cfg.Folder, err)
	}
	return w, nil
}

// observe adds folders that w does not know yet. Adding one twice is harmless.
func (l *Library) observe(w *fsnotify.Watcher) error {
	return filepath.WalkDir(l.cfg.Folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return nil
		}
		if hidden(d.Name()) && path != l.cfg.Folder {
			return fs.SkipDir
		}
		return w.Add(path)
	})
}

func (l *Library) follow(ctx context.Context, watcher *fsnotify.Watcher, told <-chan struct{}) {
	var events <-chan fsnotify.Event
	var faults <-chan error
	if watcher != nil {
		events, faults = watcher.Events, watcher.Errors
	}
	poll := time.NewTicker(l.cfg.Poll)
	defer poll.Stop()
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	defer quiet.Stop()
	l.refresh(ctx) // what changed before it was watched
	for {
		select {
		case <-ctx.Done():
			return
		case <-events:
			// Editors and the kubelet make several changes for one: wait until
			// the folder is quiet.
			quiet.Reset(l.cfg.Debounce)
			continue
		case err := <-faults:
			l.log.Warn("watching the folder of policies", "folder", l.cfg.Folder, "error", err)
		case <-quiet.C:
			if err := l.observe(watcher); err != nil {
				l.log.Warn("watching the folder of policies", "folder", l.cfg.Folder, "error", err)
			}
		case <-told:
		case <-poll.C:
		}
		l.refresh(ctx)
	}
}

// refresh reloads and says when that begins or ceases to fail.
func (l *Library) refresh(ctx context.Context) {
	before := l.Err()
	err := l.Reload(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil && (before == nil || before.Error() != err.Error()):
		l.log.Error("the last good policies stay in force", "generation", l.Current().Generation(), "error", err)
	case err == nil && before != nil:
		l.log.Info("policies load again", "generation", l.Current().Generation())
	}
}
