package sandbox

import (
	"slices"
	"strings"
	"testing"
)

type having []string

func (h having) Exists(name string) bool { return slices.Contains(h, name) }

func TestHooks(t *testing.T) {
	root := having{"/bin/bash", "/usr/bin/python3", "/bin/true"}
	for path, c := range map[string]struct {
		text    string
		program bool
		before  string
		want    []string
	}{
		"/etc/crontab": {text: "SHELL=/bin/sh\n# m h\n17 * * * * root cd / && run\n*/5 * * * *\troot\tdate +\\%s%input\n@reboot root /x\n30 4 1 * *\n",
			want: []string{"cd / && run", "date +%s", "/x"}},
		"/etc/cron.d/job":                      {text: "* * * * * root old\n* * * * * root new\n", before: "* * * * * root old\n", want: []string{"new"}},
		"/var/spool/cron/crontabs/root":        {text: "0 3 * * * /usr/bin/thing -a 'b c'\n", want: []string{"/usr/bin/thing -a 'b c'"}},
		"/var/spool/cron/root":                 {text: "@daily thing\n", want: []string{"thing"}},
		"/etc/crontabs/root":                   {text: "* * * * * thing\n", want: []string{"thing"}},
		"/var/spool/cron/atjobs/a0001":         {text: "#!/bin/sh\nthing\n", want: []string{"sh '/var/spool/cron/atjobs/a0001'"}},
		"/etc/cron.daily/it's":                 {text: "#!/bin/sh\n", program: true, want: []string{`'/etc/cron.daily/it'\''s'`}},
		"/etc/init.d/thing":                    {program: true, want: []string{"'/etc/init.d/thing' start"}},
		"/etc/rc.local":                        {text: "thing\n", want: []string{"sh '/etc/rc.local' start"}},
		"/etc/inittab":                         {text: "x:3:respawn:/sbin/thing -d\nnonsense\n", want: []string{"/sbin/thing -d"}},
		"/etc/systemd/system/x.service":        {text: "[Service]\nExecStart=-/usr/bin/thing --now\nExecStartPre=+/bin/mkdir /x\nUser=root\n", want: []string{"/bin/mkdir /x", "/usr/bin/thing --now"}},
		"/root/.config/systemd/user/x.service": {text: "ExecStart=/x\n", want: []string{"/x"}},
		"/root/.bashrc":                        {text: "x\n", want: []string{"/bin/bash --rcfile '/root/.bashrc' -i </dev/null"}},
		"/etc/profile.d/x.sh":                  {text: "x\n", want: []string{"/bin/bash --rcfile '/etc/profile.d/x.sh' -i </dev/null"}},
		"/usr/lib/python3/dist-packages/x.pth": {text: "import os\n", want: []string{"/usr/bin/python3 </dev/null"}},
		"/etc/ld.so.preload":                   {text: "/tmp/x.so\n", want: []string{"/bin/true </dev/null"}},
		"/root/.config/autostart/x.desktop":    {text: "[Desktop Entry]\nExec=/x -y\n", want: []string{"/x -y"}},
		"/etc/passwd":                          {text: "root\n"},
		"/srv/etc/crontab":                     {text: "* * * * * root x\n"},
		"/root/.bash_history":                  {text: "ls\n"},
		"/etc/cron.d/sub/job":                  {text: "* * * * * root x\n"},
	} {
		i := slices.IndexFunc(hooks, func(h hook) bool { return h.place.MatchString(path) })
		if i < 0 {
			if len(c.want) > 0 {
				t.Errorf("%s is in no known place", path)
			}
			continue
		}
		got := hooks[i].run(hookFile{path: path, program: c.program, added: newLines(c.text, c.before), root: root})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: runs %q, want %q", path, got, c.want)
		}
	}
	if got := login(hookFile{path: "/root/.profile", root: having{}}); !strings.HasPrefix(got[0], "PS1=") {
		t.Errorf("without bash: %q", got)
	}
	if _, err := runAll(having{}, []string{"x"}); err == nil {
		t.Error("it runs commands without a shell")
	}
}

// FuzzHooks: the files are the guest's.
func FuzzHooks(f *testing.F) {
	f.Add("* * * * * root x\n@reboot y\n")
	f.Add("ExecStart=@-x\nx:y:z:w\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, h := range hooks {
			for _, command := range h.run(hookFile{path: "/x", added: newLines(text, ""), root: having{}}) {
				if command == "" {
					t.Errorf("an empty command of %q", text)
				}
			}
		}
	})
}
