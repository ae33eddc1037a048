package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/policies/bundle"
	"github.com/sallyport-dev/sallyport/sandbox/rules"
)

// openRules loads the behaviour rules of authors beside the built-in ones.
func openRules(ctx context.Context, cfg config.Config, log *slog.Logger, reg prometheus.Registerer) (*rules.Library, error) {
	var sources []rules.Source
	if dir := cfg.Sandbox.Rules; dir != "" {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("sandbox.rules: %w", err)
		}
		sources = append(sources, rules.Folder(dir))
	}
	for _, c := range bundlesOf(cfg.Sandbox.RuleBundles) {
		s, err := bundle.New(c)
		if err != nil {
			return nil, fmt.Errorf("sandbox.rule_bundles: %w", err)
		}
		sources = append(sources, ruleBundle{s})
	}
	return rules.Open(ctx, rules.Config{Sources: sources, Logger: log, Metrics: reg})
}

// ruleBundle is a bundle as a source of rules.
type ruleBundle struct{ source *bundle.Source }

func (b ruleBundle) Name() string        { return b.source.Name() }
func (b ruleBundle) Poll() time.Duration { return b.source.Poll() }

func (b ruleBundle) Load(ctx context.Context, mark string) (fs.FS, string, error) {
	f, err := b.source.Fetch(ctx, mark)
	if errors.Is(err, bundle.ErrUnchanged) {
		return nil, mark, rules.ErrUnchanged
	}
	if err != nil {
		return nil, "", err
	}
	files, err := b.source.Files(f.Bytes)
	return files, f.Mark, err
}

// encodeBundles puts bundles into one line, for the child to read.
func encodeBundles(list []config.Bundle) (string, error) {
	b, err := yaml.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("sandbox.rule_bundles: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

func decodeBundles(line string) ([]config.Bundle, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
	if err != nil {
		return nil, err
	}
	var list []config.Bundle
	return list, yaml.Unmarshal(b, &list)
}
