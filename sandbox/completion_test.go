package sandbox

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestMissing(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"postgres": {`Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".

       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
       connections without a password. This is *not* recommended.
`, "POSTGRES_PASSWORD"},
		"mysql": {`2026-01-01 00:00:00+00:00 [ERROR] [Entrypoint]: Database is uninitialized and password option is not specified
    You need to specify one of the following as an environment variable:
    - MYSQL_ROOT_PASSWORD
    - MYSQL_ALLOW_EMPTY_PASSWORD
    - MYSQL_RANDOM_ROOT_PASSWORD
`, "MYSQL_ROOT_PASSWORD"},
		"mariadb": {`[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified
	You need to specify one of MARIADB_ROOT_PASSWORD, MARIADB_ROOT_PASSWORD_HASH, MARIADB_ALLOW_EMPTY_ROOT_PASSWORD and MARIADB_RANDOM_ROOT_PASSWORD
`, "MARIADB_ROOT_PASSWORD"},
		"shell with -u":           {"/entrypoint.sh: line 4: TOKEN: unbound variable\n", "TOKEN"},
		"shell with :?":           {"/entrypoint.sh: 3: DSN: parameter not set or null\n/entrypoint.sh: 3: DSN: parameter not set\n", "DSN"},
		"python":                  {"  File \"/app/main.py\", line 3, in <module>\n    os.environ['QUEUE']\nKeyError: 'QUEUE'\n", "QUEUE"},
		"several":                 {"Missing required environment variables: DB_HOST, DB_USER and DB_PASSWORD\n", "DB_HOST DB_USER DB_PASSWORD"},
		"with files as the other": {"error: both ADMIN_PASSWORD and ADMIN_PASSWORD_FILE are not set\n", "ADMIN_PASSWORD"},
		"is required":             {"Error: API_KEY is required\n", "API_KEY"},
		"set already":             {"PLUGIN_DIR must exist\n", ""},
		"of the engine":           {"environment variable HOME is not set\n", ""},
		"code of an error":        {"Error: missing module, code ERR_MODULE_NOT_FOUND, MODULE_NOT_FOUND\n", ""},
		"something else":          {"panic: cannot open /etc/app.conf\n  MAX_CONNECTIONS=100\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			run := observation.Run{Exit: &event.Status{Code: 1}, End: observation.End{Duration: time.Second, Stderr: c.text}}
			env := []string{"PLUGIN_DIR=/plugins"}
			if got := strings.Join(missing(run, env), " "); got != c.want {
				t.Errorf("asks for %q, want %q", got, c.want)
			}
			for change, r := range map[string]observation.Run{
				"it succeeded":     {Exit: &event.Status{}, End: run.End},
				"it still runs":    {End: run.End},
				"it ran for long":  {Exit: run.Exit, End: observation.End{Duration: time.Minute, Stderr: c.text}},
				"it was killed":    {Exit: &event.Status{Code: 1, Signal: 9}, End: run.End},
				"it was set since": {Exit: run.Exit, End: run.End},
			} {
				env := env
				if strings.Contains(change, "since") {
					env = slices.Concat(env, values(strings.Fields(c.want)))
				}
				if got := missing(r, env); len(got) > 0 {
					t.Errorf("%s: asks for %q", change, got)
				}
			}
		})
	}
}

func TestValues(t *testing.T) {
	got := values([]string{"DB_PASSWORD", "DATABASE_URL", "MYSQL_DATABASE", "REDIS_HOST", "MYSQL_ALLOW_EMPTY_PASSWORD", "HTTP_PORT", "WHATEVER"})
	want := []string{
		"DB_PASSWORD=" + password, "DATABASE_URL=postgres://app:" + password + "@db.example.com:5432/app", "MYSQL_DATABASE=app",
		"REDIS_HOST=service.example.com", "MYSQL_ALLOW_EMPTY_PASSWORD=yes", "HTTP_PORT=8080", "WHATEVER=default",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func FuzzMissing(f *testing.F) {
	f.Add("You need to specify one of the following:\n - A_B\n - C_D\n")
	f.Add("KeyError: 'X'\n")
	f.Fuzz(func(t *testing.T, text string) {
		names := missing(observation.Run{Exit: &event.Status{Code: 1}, End: observation.End{Stderr: text}}, nil)
		if len(names) > maxAsked {
			t.Errorf("%d names", len(names))
		}
		for _, n := range names {
			if strings.ContainsAny(n, "=\x00\n") || n == "" {
				t.Errorf("name %q", n)
			}
		}
	})
}
