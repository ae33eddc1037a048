package account

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/crypto/bcrypt"
)

const (
	maxFile = 8 << 20 // bytes
	maxUser = 255     // bytes of a user's name
	// maxCost bounds how long a password's check takes: about a second.
	maxCost = 14
	// lookEvery is how soon a changed file is noticed.
	lookEvery = time.Second
)

// users are the contents of a file at one time.
type users struct {
	hashes     map[string][]byte
	nobody     []byte // what the password of an unknown user is compared with, to take as long
	generation uint64
}

// right tells whether the password is the user's. It takes as long for a user
// who does not exist.
func (u *users) right(user, password string) bool {
	hash, ok := u.hashes[user]
	if !ok {
		hash = u.nobody
	}
	return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && ok
}

// parse reads an htpasswd file with bcrypt hashes. Errors name the line.
func parse(text []byte) (*users, error) {
	u := &users{hashes: map[string][]byte{}}
	cost := bcrypt.MinCost
	for i, line := range bytes.Split(text, []byte("\n")) {
		entry := strings.TrimSpace(string(line))
		if entry == "" || entry[0] == '#' {
			continue
		}
		user, hash, ok := strings.Cut(entry, ":")
		switch {
		case !ok:
			return nil, fmt.Errorf("line %d is not user:hash: make the file with `htpasswd -B`", i+1)
		case user == "" || len(user) > maxUser || strings.ContainsFunc(user, func(r rune) bool { return !unicode.IsPrint(r) }):
			return nil, fmt.Errorf("line %d: the user's name is empty, longer than %d bytes, or holds characters that cannot be printed", i+1, maxUser)
		case u.hashes[user] != nil:
			return nil, fmt.Errorf("line %d: the user %s is listed twice", i+1, user)
		}
		c, err := bcrypt.Cost([]byte(hash))
		if err != nil {
			return nil, fmt.Errorf("line %d: the password of %s is %s, not bcrypt: make it anew with `htpasswd -B FILE %s`", i+1, user, kind(hash), user)
		}
		if c > maxCost {
			return nil, fmt.Errorf("line %d: the password of %s has the bcrypt cost %d, and each check of it would take too long: at most %d, e.g. `htpasswd -B -C 10 FILE %s`", i+1, user, c, maxCost, user)
		}
		cost = max(cost, c)
		u.hashes[user] = []byte(hash)
	}
	var err error
	u.nobody, err = bcrypt.GenerateFromPassword([]byte(rand.Text()), cost)
	return u, err
}

// kind says what a hash is that is not bcrypt.
func kind(hash string) string {
	for prefix, name := range map[string]string{
		"$apr1$": "an MD5 hash (apr1)", "$1$": "an MD5 hash", "{SHA}": "an SHA-1 hash", "{SSHA}": "an SHA-1 hash",
		"$5$": "an SHA-256 hash", "$6$": "an SHA-512 hash", "$2": "a damaged hash", "$argon2": "an argon2 hash",
	} {
		if strings.HasPrefix(hash, prefix) {
			return name
		}
	}
	return "in clear text or hashed with crypt"
}

// file is an htpasswd file that is read again when it changes.
type file struct {
	name string
	log  *slog.Logger
	now  func() time.Time

	mu      sync.Mutex
	current *users
	seen    fs.FileInfo
	looked  time.Time
}

func openFile(name string, log *slog.Logger, now func() time.Time) (*file, error) {
	f := &file{name: name, log: log, now: now, looked: now()}
	var err error
	f.current, f.seen, err = f.read()
	return f, err
}

// users are those of the file as it is. A file that cannot be used any more is
// said once; those of before stay.
func (f *file) users() *users {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if age := now.Sub(f.looked); age >= 0 && age < lookEvery {
		return f.current
	}
	f.looked = now
	info, err := os.Stat(f.name)
	if err == nil && f.seen != nil && os.SameFile(info, f.seen) && info.ModTime().Equal(f.seen.ModTime()) && info.Size() == f.seen.Size() {
		return f.current
	}
	if err != nil && f.seen == nil {
		return f.current // was said
	}
	fresh, info, err := f.read()
	f.seen = info
	if err != nil {
		f.log.Error("the changed file of passwords cannot be used; the former one stays in force", "error", err)
		return f.current
	}
	fresh.generation = f.current.generation + 1
	f.current = fresh
	f.log.Info("the file of passwords was read again", "file", f.name, "users", len(fresh.hashes))
	return f.current
}

func (f *file) read() (*users, fs.FileInfo, error) {
	in, err := os.Open(f.name)
	if err != nil {
		return nil, nil, fmt.Errorf("passwords: %w", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("passwords: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errors.New("it is larger than 8 MiB")
	}
	if err != nil {
		return nil, info, fmt.Errorf("passwords in %s: %w", f.name, err)
	}
	u, err := parse(text)
	if err != nil {
		return nil, info, fmt.Errorf("passwords in %s: %w", f.name, err)
	}
	return u, info, nil
}
