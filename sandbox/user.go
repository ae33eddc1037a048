package sandbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strconv"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
)

// maxAccounts bounds /etc/passwd and /etc/group.
const maxAccounts = 4 << 20

// account is who runs the image's program.
type account struct {
	uid, gid uint32
	groups   []uint32
	home     string
}

// resolve finds the user of an image's configuration ("", "app", "app:web",
// "1000", "1000:1000") in the image's own accounts, as a container engine does.
// The error says what the image lacks.
func resolve(root *rootfs.Root, user string) (account, error) {
	passwd, err := accounts(root, "/etc/passwd")
	if err != nil {
		return account{}, err
	}
	group, err := accounts(root, "/etc/group")
	if err != nil {
		return account{}, err
	}
	return lookUp(passwd, group, user)
}

// accounts reads a file of accounts; a missing one is empty, and so is one
// that is no regular file.
func accounts(root *rootfs.Root, name string) ([]byte, error) {
	e, err := root.Stat(name)
	if err != nil || !e.Mode.IsRegular() {
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if e.Size > maxAccounts {
		return nil, fmt.Errorf("%s has %d bytes", name, e.Size)
	}
	return root.ReadFile(name, maxAccounts)
}

// lookUp resolves user in the two files' content.
func lookUp(passwd, group []byte, user string) (account, error) {
	who, which, hasGroup := strings.Cut(user, ":")
	if who == "" {
		who = "0"
	}
	a := account{home: "/"}
	name := ""
	id, numeric := number(who)
	found := false
	for f := range lines(passwd, 6) { // name:password:uid:gid:comment:home:shell
		uid, ok := number(f[2])
		if !ok || f[0] != who && !(numeric && uid == id) {
			continue
		}
		gid, _ := number(f[3])
		name, found = f[0], true
		a.uid, a.gid = uid, gid
		if strings.HasPrefix(f[5], "/") {
			a.home = f[5]
		}
		break
	}
	if !found {
		if !numeric {
			return account{}, fmt.Errorf("its user %q is not in its /etc/passwd", who)
		}
		a.uid = id
		if id == 0 {
			a.home = "/root"
		}
	}
	if !hasGroup || which == "" {
		for f := range lines(group, 4) { // name:password:gid:members
			if gid, ok := number(f[2]); ok && name != "" && member(f[3], name) {
				a.groups = append(a.groups, gid)
			}
		}
		return a, nil
	}
	for f := range lines(group, 3) {
		if gid, ok := number(f[2]); ok && f[0] == which {
			a.gid = gid
			return a, nil
		}
	}
	gid, ok := number(which)
	if !ok {
		return account{}, fmt.Errorf("its group %q is not in its /etc/group", which)
	}
	a.gid = gid
	return a, nil
}

// lines yields the lines with at least n fields, split at colons.
func lines(content []byte, n int) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		in := bufio.NewScanner(bytes.NewReader(content))
		in.Buffer(nil, maxAccounts+1)
		for in.Scan() {
			f := strings.Split(strings.TrimSpace(in.Text()), ":")
			if len(f) >= n && !strings.HasPrefix(f[0], "#") && !yield(f) {
				return
			}
		}
	}
}

func number(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n <= 1<<31-1
}

func member(list, name string) bool {
	for m := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(m) == name {
			return true
		}
	}
	return false
}
