package token_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"

	"github.com/sallyport-dev/sallyport/console/token"
	"github.com/sallyport-dev/sallyport/objects"
)

func open(t *testing.T, cfg token.Config) *token.Tokens {
	t.Helper()
	tokens, err := token.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestTokenLife(t *testing.T) {
	ctx := t.Context()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	store := objects.New(inmemory.New())
	file := filepath.Join(t.TempDir(), "admin.token")
	cfg := token.Config{Objects: store, AdminFile: file, Now: func() time.Time { return now }}
	tokens := open(t, cfg)
	made, text, err := tokens.Create(ctx, token.Token{Name: "ci", Role: token.Reader, Author: "ada", Expires: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	// Another replica, or this one after a restart, knows it too.
	other := open(t, cfg)
	if got, err := other.Check(ctx, text); err != nil || got != made || got.Role != token.Reader || got.Author != "ada" {
		t.Errorf("Check = %+v, %v", got, err)
	}
	for name, wrong := range map[string]string{
		"nothing": "", "a changed secret": text[:len(text)-2] + "xx", "more": text + "x", "another id": strings.Replace(text, made.ID, "000000000000", 1), "no secret": text[:strings.LastIndex(text, "_")+1],
	} {
		if _, err := tokens.Check(ctx, wrong); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	now = now.Add(time.Hour)
	if _, err := other.Check(ctx, text); !errors.Is(err, token.ErrInvalid) || !strings.Contains(err.Error(), "ci expired") {
		t.Errorf("an expired token: %v", err)
	}
	_, forever, err := tokens.Create(ctx, token.Token{Name: "ops", Role: token.Admin})
	if err != nil {
		t.Fatal(err)
	}
	list, err := other.List(ctx)
	if err != nil || len(list) != 2 || list[0].Name != "ci" || list[1].Name != "ops" {
		t.Errorf("List = %+v, %v", list, err)
	}
	if err := other.Revoke(ctx, list[1].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := tokens.Check(ctx, forever); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("a token that another replica revoked: %v", err)
	}
	for _, id := range []string{list[1].ID, "", "../settings/analysis", token.Administrator} {
		if err := tokens.Revoke(ctx, id); !errors.Is(err, token.ErrUnknown) {
			t.Errorf("Revoke(%q) = %v", id, err)
		}
	}
}

func TestAdministratorsToken(t *testing.T) {
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "data", "admin.token")
	cfg := token.Config{Objects: objects.New(inmemory.New()), AdminFile: file}
	var all [8]*token.Tokens
	var starts sync.WaitGroup
	for i := range all { // replicas that start together agree on one token
		starts.Go(func() { all[i], _ = token.Open(cfg) })
	}
	starts.Wait()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	for i, tokens := range all {
		if tokens == nil {
			t.Fatalf("process %d did not start", i)
		}
		if who, err := tokens.Check(ctx, strings.TrimSpace(string(text))); err != nil || who.Role != token.Admin || who.Name != token.Administrator {
			t.Errorf("process %d: %+v, %v", i, who, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	for name, damage := range map[string]func() error{
		"readable by all": func() error { return os.Chmod(file, 0o644) },
		"empty":           func() error { return os.WriteFile(file, nil, 0o600) },
		"too short":       func() error { return os.WriteFile(file, []byte("secret\n"), 0o600) },
		"two lines":       func() error { return os.WriteFile(file, []byte(strings.Repeat("x", 40)+"\ny\n"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			if _, err := token.Open(cfg); err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("Open = %v, want an error that names the file", err)
			}
			if err := errors.Join(os.Remove(file)); err != nil {
				t.Fatal(err)
			}
			open(t, cfg)
		})
	}
}

func TestAdministratorsTokenAsASetting(t *testing.T) {
	text := strings.Repeat("x", 40)
	file := filepath.Join(t.TempDir(), "admin.token")
	cfg := token.Config{Objects: objects.New(inmemory.New()), AdminFile: file, Admin: text}
	if who, err := open(t, cfg).Check(t.Context(), text); err != nil || who.Role != token.Admin {
		t.Errorf("%+v, %v", who, err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a file was made, too")
	}
	cfg.Admin = "secret"
	if _, err := token.Open(cfg); err == nil || !strings.Contains(err.Error(), "at least 32") {
		t.Errorf("a short one: %v", err)
	}
}

func TestImpossibleTokens(t *testing.T) {
	tokens := open(t, token.Config{Objects: objects.New(inmemory.New()), AdminFile: filepath.Join(t.TempDir(), "t")})
	for name, wish := range map[string]token.Token{
		"no name": {Role: token.Reader}, "a space": {Name: "a b", Role: token.Reader}, "a path": {Name: "a/b", Role: token.Reader},
		"the administrator's": {Name: token.Administrator, Role: token.Admin}, "no role": {Name: "a"}, "an unknown role": {Name: "a", Role: "root"},
		"over already": {Name: "a", Role: token.Reader, Expires: time.Now().Add(-time.Second)},
	} {
		if _, _, err := tokens.Create(t.Context(), wish); !errors.Is(err, token.ErrName) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := token.Open(token.Config{AdminFile: "x"}); err == nil {
		t.Error("tokens without objects")
	}
}

func TestWhereNobodyAdministers(t *testing.T) {
	store := objects.New(inmemory.New())
	_, text, err := open(t, token.Config{Objects: store, AdminFile: filepath.Join(t.TempDir(), "t")}).Create(t.Context(), token.Token{Name: "node-1", Role: token.Puller})
	if err != nil {
		t.Fatal(err)
	}
	tokens := open(t, token.Config{Objects: store})
	if who, err := tokens.Check(t.Context(), text); err != nil || who.Role != token.Puller || !token.Is(text) {
		t.Errorf("%+v, %v", who, err)
	}
	for _, wrong := range []string{"", "x", "sallyport_admin_"} {
		if _, err := tokens.Check(t.Context(), wrong); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}
