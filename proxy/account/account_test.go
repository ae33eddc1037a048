package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// clock is turned by tests.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()) }
func (c *clock) turn(d time.Duration) { c.at.Add(int64(d)) }

// tokens are the gate's own, counted.
type tokens struct {
	mu    sync.Mutex
	known map[string]string
	fault error
	asked int
}

func (t *tokens) Is(text string) bool { return strings.HasPrefix(text, "sallyport_") }

func (t *tokens) Check(_ context.Context, text string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	if t.fault != nil {
		return "", t.fault
	}
	if name, ok := t.known[text]; ok {
		return name, nil
	}
	return "", fmt.Errorf("%w: no such token", ErrRefused)
}

func hash(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPasswords(t *testing.T) {
	ctx, c := t.Context(), &clock{}
	name := filepath.Join(t.TempDir(), "htpasswd")
	// htpasswd writes $2y$, the same algorithm under another letter.
	write(t, name, "# people\r\nada:"+strings.Replace(hash(t, "pass:word"), "$2a$", "$2y$", 1)+"\r\n\nbob:"+hash(t, "")+"\n")
	var said bytes.Buffer
	a, err := Open(Config{File: name, Log: slog.New(slog.NewTextHandler(&said, nil)), now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []struct {
		what, user, password string
		right                bool
	}{
		{"the password", "ada", "pass:word", true},
		{"again", "ada", "pass:word", true},
		{"another", "ada", "password", false},
		{"none", "ada", "", false},
		{"an empty one that is right", "bob", "", true},
		{"a user who does not exist", "eve", "", false},
		{"the user in capitals", "ADA", "pass:word", false},
		{"no user", "", "pass:word", false},
		{"user and password shifted", "ada:pass", "word", false},
	} {
		got, err := a.Password(ctx, "192.0.2.1", l.user, l.password)
		if (err == nil) != l.right || (l.right && got != l.user) || (!l.right && !errors.Is(err, ErrRefused)) {
			t.Errorf("%s: %q, %v", l.what, got, err)
		}
	}

	// A changed file holds within a second, for what is remembered too.
	write(t, name, "ada:"+hash(t, "changed")+"\n")
	c.turn(lookEvery)
	if _, err := a.Password(ctx, "192.0.2.2", "ada", "pass:word"); !errors.Is(err, ErrRefused) {
		t.Errorf("the former password: %v", err)
	}
	if _, err := a.Password(ctx, "192.0.2.2", "ada", "changed"); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if _, err := a.Password(ctx, "192.0.2.2", "bob", ""); !errors.Is(err, ErrRefused) {
		t.Errorf("a user who was removed: %v", err)
	}
	for what, damage := range map[string]func(){
		"damaged": func() { write(t, name, "ada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n") },
		"gone":    func() { _ = os.Remove(name) },
	} {
		said.Reset()
		damage()
		for range 3 {
			c.turn(lookEvery)
			if _, err := a.Password(ctx, "192.0.2.2", "ada", "changed"); err != nil {
				t.Errorf("%s: the former users are gone: %v", what, err)
			}
		}
		if n := strings.Count(said.String(), "cannot be used"); n != 1 {
			t.Errorf("%s: said %d times: %s", what, n, said.String())
		}
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	dear, err := bcrypt.GenerateFromPassword(nil, bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, says string }{
		{"MD5", "ada:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00\n", "line 1: the password of ada is an MD5 hash (apr1), not bcrypt: make it anew with `htpasswd -B FILE ada`"},
		{"SHA-1", "#\nada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", "line 2: the password of ada is an SHA-1 hash"},
		{"SHA-512", "ada:$6$salt$hash", "an SHA-512 hash"},
		{"clear text", "ada:secret", "clear text"},
		{"a cut hash", "ada:$2y$10$abc", "damaged"},
		{"no colon", "ada\n", "line 1 is not user:hash"},
		{"no user", ":" + string(dear), "name is empty"},
		{"twice", "ada:" + string(dear) + "\nada:" + string(dear), "line 2: the user ada is listed twice"},
		{"too dear", "ada:" + strings.Replace(string(dear), "$04$", "$31$", 1), "cost 31"},
	} {
		name := filepath.Join(t.TempDir(), "htpasswd")
		write(t, name, c.text)
		if _, err := Open(Config{File: name}); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := Open(Config{File: "/does/not/exist"}); err == nil {
		t.Error("a file that is not there")
	}
	if _, err := Open(Config{}); err == nil {
		t.Error("accounts of nothing")
	}
}

func TestTokens(t *testing.T) {
	ctx, c := t.Context(), &clock{}
	known := &tokens{known: map[string]string{"sallyport_a_b": "ci"}}
	a, err := Open(Config{Tokens: known, now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	for range 60 { // the requests of a pull
		for what, check := range map[string]func() (string, error){
			"as a password": func() (string, error) { return a.Password(ctx, "192.0.2.1", "anybody", "sallyport_a_b") },
			"as a bearer":   func() (string, error) { return a.Token(ctx, "192.0.2.1", "sallyport_a_b") },
		} {
			if name, err := check(); name != "ci" || err != nil {
				t.Fatalf("%s: %q, %v", what, name, err)
			}
		}
	}
	if known.asked != 1 {
		t.Errorf("asked %d times for one pull", known.asked)
	}
	for what, text := range map[string]string{"an unknown token": "sallyport_x_y", "another's token": "ghp_x"} {
		if _, err := a.Token(ctx, "192.0.2.1", text); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := a.Password(ctx, "192.0.2.1", "ada", "secret"); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "tokens only") {
		t.Errorf("a password where there are none: %v", err)
	}
	delete(known.known, "sallyport_a_b")
	c.turn(tokenFor)
	if _, err := a.Token(ctx, "192.0.2.1", "sallyport_a_b"); !errors.Is(err, ErrRefused) {
		t.Errorf("a revoked token: %v", err)
	}
	known.fault = errors.New("the storage is away")
	for range 2 * wrongTries { // a fault is nobody's wrong try
		if _, err := a.Token(ctx, "192.0.2.9", "sallyport_a_b"); !errors.Is(err, known.fault) {
			t.Fatal(err)
		}
	}
}

func TestWhoIsWrongTooOftenWaits(t *testing.T) {
	ctx, c := t.Context(), &clock{}
	name := filepath.Join(t.TempDir(), "htpasswd")
	write(t, name, "ada:"+hash(t, "right")+"\nbob:"+hash(t, "right"))
	a, err := Open(Config{File: name, now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 * wrongTries { // who is right is never counted
		a.right.Purge()
		if _, err := a.Password(ctx, "192.0.2.1", "ada", "right"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range wrongTries {
		if _, err := a.Password(ctx, "192.0.2.1", "ada", fmt.Sprint("wrong", i)); !errors.Is(err, ErrRefused) {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	var limited *LimitedError
	if _, err := a.Password(ctx, "192.0.2.1", "bob", "right"); !errors.As(err, &limited) || limited.After <= 0 || limited.After > wrongEvery {
		t.Errorf("one more try: %v", err)
	}
	if _, err := a.Password(ctx, "192.0.2.1", "ada", "right"); err != nil {
		t.Errorf("credentials that are known to be right, from the same address: %v", err)
	}
	if _, err := a.Password(ctx, "192.0.2.2", "bob", "right"); err != nil {
		t.Errorf("another address: %v", err)
	}
	c.turn(wrongEvery)
	if _, err := a.Password(ctx, "192.0.2.1", "ada", "wrong"); !errors.Is(err, ErrRefused) {
		t.Errorf("later: %v", err)
	}
	if _, err := a.Password(ctx, "192.0.2.1", "ada", "wrong"); !errors.As(err, &limited) {
		t.Errorf("and at once again: %v", err)
	}
}

func TestManyAtOnceCostOneCheck(t *testing.T) {
	known := &tokens{known: map[string]string{"sallyport_a_b": "ci"}}
	a, err := Open(Config{Tokens: known})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if name, err := a.Token(t.Context(), "192.0.2.1", "sallyport_a_b"); name != "ci" || err != nil {
				t.Errorf("%q, %v", name, err)
			}
		})
	}
	all.Wait()
	// Who comes between the flight's end and its memory asks again: never all.
	if known.asked > 5 {
		t.Errorf("asked %d times", known.asked)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("ada:" + hash(f, "x") + "\n#\n"))
	f.Add([]byte("ada:$2y$05$"))
	f.Add([]byte(":\x00\n\r\r"))
	f.Fuzz(func(t *testing.T, text []byte) {
		u, err := parse(text)
		if err != nil {
			return
		}
		for user, hash := range u.hashes {
			if user == "" || strings.ContainsAny(user, ":\r\n\x00") {
				t.Errorf("the user %q", user)
			}
			if c, err := bcrypt.Cost(hash); err != nil || c > maxCost {
				t.Errorf("the hash %q: %d, %v", hash, c, err)
			}
		}
	})
}
