package sandbox

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// asksWithin is how soon a program ends that lacks a variable.
const asksWithin = 10 * time.Second

// Caps on what is read of an image's last words.
const (
	maxAsked    = 16
	maxLastLine = 2000 // bytes of a line
)

var (
	// variable is a name that is nothing else: of several words.
	variable = regexp.MustCompile(`\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b`)
	// wanting are the words with which programs ask.
	wanting = regexp.MustCompile(`(?i)\b(must|needs?|required?|requires|missing|specify|specified|provide|provided|unset|undefined|empty|unbound)\b|\b(not|n't|never|isn't) (been )?(set|defined|found|given|configured|present)\b|\bone of\b|\bplease (set|define)\b`)
	// unset are the words of interpreters, which name a variable for certain.
	unset = []*regexp.Regexp{
		regexp.MustCompile(`\b([A-Z][A-Z0-9_]+): (?:unbound variable|parameter not set|parameter null or not set)`),
		regexp.MustCompile(`KeyError: ['"]([A-Z][A-Z0-9_]+)['"]`),
		regexp.MustCompile(`(?i:environment variable|env var|env variable)s?:? ["'$` + "`" + `]*\{?([A-Z][A-Z0-9_]+)\b`),
		regexp.MustCompile(`\$\{?([A-Z][A-Z0-9_]+)\}? (?:is|was|has) (?:not|un)`),
	}
	// errorCode are names that look alike and are codes of errors.
	errorCode = regexp.MustCompile(`^ERR_|_NOT_FOUND$|^E[A-Z]+_|_ERROR$|_FAILED$|_EXCEPTION$`)
	oneOf     = regexp.MustCompile(`(?i)\b(one|either|any) of\b`)
)

// missing lists the environment variables that a program asked for when it
// ended: it did so soon, with a code that is not zero, and its last words name
// them. Where it asks for one of several, that is the first.
func missing(run observation.Run, env []string) []string {
	if run.Exit == nil || run.Exit.Code == 0 || run.Exit.Signal != 0 || run.Duration > asksWithin {
		return nil
	}
	var names []string
	add := func(name string) bool {
		if len(names) >= maxAsked || slices.Contains(names, name) || slices.Contains(engines, name) || has(env, name) || errorCode.MatchString(name) {
			return false
		}
		names = append(names, name)
		return true
	}
	choice, chosen := false, false // among the lines of a list of which one is wanted
	asks := false                  // the line before asked
	for line := range strings.Lines(run.Stderr + "\n" + run.Stdout) {
		if len(line) > maxLastLine {
			line = line[:maxLastLine]
		}
		for _, re := range unset {
			for _, m := range re.FindAllStringSubmatch(line, maxAsked) {
				add(m[1])
			}
		}
		found := variable.FindAllString(line, maxAsked)
		wants := wanting.MatchString(line)
		switch {
		case wants:
			asks, choice, chosen = true, oneOf.MatchString(line), false
		case len(found) == 0:
			asks = false
			continue
		}
		if !asks {
			continue
		}
		for _, name := range found {
			switch {
			case strings.HasSuffix(name, "_FILE"): // the other way to give the same
			case choice && chosen:
			default:
				chosen = add(name) || has(env, name) || chosen
			}
		}
	}
	return names
}

// engines are the variables that are set whatever an image says.
var engines = []string{"PATH", "HOME", "HOSTNAME"}

// has tells whether a variable is set to something.
func has(env []string, name string) bool {
	return slices.ContainsFunc(env, func(e string) bool {
		v, ok := strings.CutPrefix(e, name+"=")
		return ok && v != ""
	})
}

// asked says why an image is run again.
func asked(names []string) string {
	return "it ended asking for " + strings.Join(names, ", ") + ", which was set"
}

// values gives variables that a program asked for a value that it can work
// with, by what its name says.
func values(names []string) []string {
	var env []string
	for _, name := range names {
		env = append(env, name+"="+value(name))
	}
	return env
}

// value is the first plausible one of which a word is in the name.
func value(name string) string {
	words := strings.Split(name, "_")
	guesses := plausible
	if slices.ContainsFunc(words, func(w string) bool { return w == "URL" || w == "URI" || w == "DSN" }) {
		guesses = addresses
	}
	for _, g := range guesses {
		if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(g.words, w) }) {
			return g.value
		}
	}
	return "default"
}

// guess is a value for names that have one of the words.
type guess struct {
	words []string
	value string
}

// password is what we set where one is asked for.
const password = "c0rrect-h0rse-battery-staple-42"

// plausible is in the order in which words decide: a DB_PASSWORD is a password.
// The simulated network answers for all hosts.
var plausible = []guess{
	{[]string{"ACCEPT", "EULA"}, "Y"},
	{[]string{"ALLOW", "ENABLE", "ENABLED", "USE", "RANDOM"}, "yes"},
	{[]string{"PASSWORD", "PASS", "PASSWD", "PWD", "SECRET", "PASSPHRASE", "TOKEN", "KEY", "APIKEY", "CREDENTIALS"}, password},
	{[]string{"PORT"}, "8080"},
	{[]string{"EMAIL", "MAIL"}, "admin@example.com"},
	{[]string{"HOST", "HOSTNAME", "SERVER", "SERVERS", "ADDRESS", "ADDR", "DOMAIN", "BROKER", "BROKERS"}, "service.example.com"},
	{[]string{"ENDPOINT", "ORIGIN"}, "http://service.example.com/"},
	{[]string{"USER", "USERNAME", "LOGIN", "NAME", "DB", "DATABASE", "SCHEMA", "BUCKET"}, "app"},
	{[]string{"REGION"}, "us-east-1"},
	{[]string{"ENV", "ENVIRONMENT", "MODE"}, "production"},
	{[]string{"DIR", "PATH"}, "/tmp"},
	{[]string{"COUNT", "SIZE", "LIMIT", "INTERVAL", "TIMEOUT", "WORKERS", "ID", "UID", "GID"}, "1"},
}

// addresses are for names with URL, URI or DSN.
var addresses = []guess{
	{[]string{"MYSQL", "MARIADB"}, "mysql://app:" + password + "@mysql.example.com:3306/app"},
	{[]string{"MONGO", "MONGODB"}, "mongodb://mongo.example.com:27017/app"},
	{[]string{"REDIS", "CACHE"}, "redis://redis.example.com:6379/0"},
	{[]string{"AMQP", "RABBITMQ"}, "amqp://rabbitmq.example.com:5672/"},
	{[]string{"DATABASE", "DB", "POSTGRES", "POSTGRESQL", "PG", "DSN"}, "postgres://app:" + password + "@db.example.com:5432/app"},
	{[]string{"URL", "URI"}, "http://service.example.com/"},
}
