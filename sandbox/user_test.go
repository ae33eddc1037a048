package sandbox

import (
	"reflect"
	"strings"
	"testing"
)

const (
	passwdFile = "root:x:0:0:root:/root:/bin/sh\n# comment:x:5:5:::\nbroken line\napp:x:1000:1001:App:/home/app:/bin/sh\n1234:x:77:78::/home/odd:/bin/sh\nbig:x:4294967295:0::/:/\n"
	groupFile  = "root:x:0:\nweb:x:33:other, app\napp:x:1001:\nstaff:x:50:app\n"
)

func TestLookUp(t *testing.T) {
	tests := map[string]struct {
		user string
		want account
	}{
		"nobody named":                 {"", account{home: "/root"}},
		"root by name":                 {"root", account{home: "/root"}},
		"name with groups":             {"app", account{uid: 1000, gid: 1001, groups: []uint32{33, 50}, home: "/home/app"}},
		"name and group":               {"app:web", account{uid: 1000, gid: 33, home: "/home/app"}},
		"name and number":              {"app:5", account{uid: 1000, gid: 5, home: "/home/app"}},
		"number of a known user":       {"1000", account{uid: 1000, gid: 1001, groups: []uint32{33, 50}, home: "/home/app"}},
		"number of nobody":             {"4711", account{uid: 4711, home: "/"}},
		"two numbers":                  {"4711:4712", account{uid: 4711, gid: 4712, home: "/"}},
		"only a group":                 {":web", account{gid: 33, home: "/root"}},
		"colon without group":          {"app:", account{uid: 1000, gid: 1001, groups: []uint32{33, 50}, home: "/home/app"}},
		"a name that looks a number":   {"1234", account{uid: 77, gid: 78, home: "/home/odd"}},
		"the first match of the files": {"0", account{home: "/root"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := lookUp([]byte(passwdFile), []byte(groupFile), test.user)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestLookUpSaysWhatIsMissing(t *testing.T) {
	for user, want := range map[string]string{
		"jane": `"jane" is not in its /etc/passwd`, "app:nothing": `"nothing" is not in its /etc/group`,
		"-1": `"-1" is not in its /etc/passwd`, "99999999999": "is not in its /etc/passwd", "big": "is not in its /etc/passwd",
	} {
		if a, err := lookUp([]byte(passwdFile), []byte(groupFile), user); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, %v; want an error with %q", user, a, err, want)
		}
	}
}

func TestLookUpInAnEmptyImage(t *testing.T) {
	got, err := lookUp(nil, nil, "")
	if want := (account{home: "/root"}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func FuzzLookUp(f *testing.F) {
	f.Add(passwdFile, groupFile, "app:web")
	f.Add("::::::", ":::", ":")
	f.Add("a:x:0:0:::\n", "a:x:18446744073709551616:a", "a")
	f.Fuzz(func(t *testing.T, passwd, group, user string) {
		a, err := lookUp([]byte(passwd), []byte(group), user)
		if err == nil && !strings.HasPrefix(a.home, "/") {
			t.Errorf("home is %q", a.home)
		}
	})
}
