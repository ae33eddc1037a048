package token

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// adminToken reads the administrator's token from file, or makes both.
func adminToken(file string) (string, error) {
	text, err := readAdmin(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", fmt.Errorf("the administrator's token: %w", err)
	}
	// Written aside and linked into place: nobody reads half a token, and of two
	// processes that start together both use the one that came first.
	aside, err := os.CreateTemp(filepath.Dir(file), ".admin-*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("the administrator's token: %w", err)
	}
	defer os.Remove(aside.Name())
	_, err = aside.WriteString(prefix + "admin_" + secret() + "\n")
	err = errors.Join(err, aside.Close())
	if err == nil {
		if err = os.Link(aside.Name(), file); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	if err != nil {
		return "", fmt.Errorf("the administrator's token cannot be written to %s: %w", file, err)
	}
	return readAdmin(file)
}

// minAdmin is the fewest characters that a token in the file may have, for
// those who bring their own.
const minAdmin = 32

func readAdmin(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", fmt.Errorf("the administrator's token: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("the administrator's token in %s can be read by other users: chmod 600 %s", file, file)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("the administrator's token: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if len(text) < minAdmin || strings.ContainsAny(text, " \t\r\n") {
		return "", fmt.Errorf("%s does not hold a token of at least %d characters on one line: delete it, and a new one is made on the next start", file, minAdmin)
	}
	return text, nil
}
