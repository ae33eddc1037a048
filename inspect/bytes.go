package inspect

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/user"

	"github.com/sallyport-dev/sallyport/inspect/layers"
	"github.com/sallyport-dev/sallyport/inspect/packages"
)

// Bytes is the source of what the image's own files say: packages, users, the
// distribution, files with rights. It reads all layers.
type Bytes struct {
	Limits layers.Limits // zero for the defaults
}

// Name implements Source.
func (Bytes) Name() string { return "image" }

// Version implements Source.
func (Bytes) Version() string { return "1" }

// Gives implements Source.
func (Bytes) Gives() []Part { return []Part{Account, OS, Packages, Rights} }

const (
	passwd      = "/etc/passwd"
	group       = "/etc/group"
	osRelease   = "/etc/os-release"
	osReleaseIn = "/usr/lib/os-release"
	maxText     = 4 << 20
	maxPaths    = 10_000 // of files with rights
)

var wantedFiles = append([]layers.Wanted{
	{Path: passwd, Limit: maxText}, {Path: group, Limit: maxText}, {Path: osRelease, Limit: 64 << 10}, {Path: osReleaseIn, Limit: 64 << 10},
}, packages.Wanted...)

// Look implements Source.
func (b Bytes) Look(ctx context.Context, content Content, s Subject) (Finding, error) {
	root, err := layers.Read(ctx, layersOf(content, s), wantedFiles, b.Limits)
	if err != nil {
		return Finding{}, err
	}
	f := Finding{Parts: map[Part]string{}}
	say := func(p Part, err error) {
		f.Parts[p] = ""
		if err != nil {
			f.Parts[p] = oneLine(err.Error())
		}
	}
	f.User, err = userOf(root, s.Facts.Config.User)
	say(Account, err)
	f.OS, err = distribution(root)
	say(OS, err)
	f.Packages, err = packages.List(root)
	say(Packages, err)
	f.Setuid, f.Capabilities = root.Setuid(), root.Capable()
	if len(f.Setuid)+len(f.Capabilities) > maxPaths {
		f.Setuid, f.Capabilities = nil, nil
		say(Rights, fmt.Errorf("more than %d files have rights of their own", maxPaths))
	} else {
		say(Rights, nil)
	}
	return f, nil
}

// userOf resolves the configuration's user as runtimes do, in the image's own files.
func userOf(root *layers.Root, spec string) (*User, error) {
	users, err := optional(root, passwd)
	if err != nil {
		return nil, err
	}
	groups, err := optional(root, group)
	if err != nil {
		return nil, err
	}
	u, err := user.GetExecUser(spec, nil, users, groups)
	if err != nil {
		return nil, fmt.Errorf("a runtime would refuse the user %q: %w", spec, err)
	}
	return &User{UID: strconv.Itoa(u.Uid), GID: strconv.Itoa(u.Gid)}, nil
}

// optional opens a file, which is empty when there is none.
func optional(root *layers.Root, name string) (io.Reader, error) {
	b, err := root.File(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return bytes.NewReader(b), nil
}

// configured is the user that the configuration alone decides; nil when it
// takes the image's files.
func configured(spec string) *User {
	name, grp, _ := strings.Cut(spec, ":")
	switch uid, err := strconv.Atoi(name); {
	case name == "" || name == "root":
		return &User{UID: "0", GID: number(grp)}
	case err == nil && uid >= 0:
		return &User{UID: strconv.Itoa(uid), GID: number(grp)}
	}
	return nil
}

func number(s string) string {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 {
		return strconv.Itoa(n)
	}
	return ""
}

// distribution reads os-release(5), empty when there is none.
func distribution(root *layers.Root) (*OSRelease, error) {
	for _, name := range []string{osRelease, osReleaseIn} {
		b, err := root.File(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return parseOSRelease(b), nil
	}
	return &OSRelease{}, nil
}

func parseOSRelease(b []byte) *OSRelease {
	var o OSRelease
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		name, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		if !ok {
			continue
		}
		value = unquote(value)
		switch name {
		case "ID":
			o.ID = value
		case "VERSION_ID":
			o.VersionID = value
		case "NAME":
			o.Name = value
		}
	}
	return &o
}

// unquote takes the quotes of the shell away.
func unquote(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) >= 2 && slices.Contains([]byte(`"'`), s[0]) && s[len(s)-1] == s[0] {
		quote := s[0]
		s = s[1 : len(s)-1]
		if quote == '"' {
			s = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\$`, `$`, "\\`", "`").Replace(s)
		}
	}
	return s[:min(len(s), 200)]
}
