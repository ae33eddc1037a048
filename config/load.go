package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"go.yaml.in/yaml/v3"
)

// EnvPrefix begins every environment variable that sets a key.
const EnvPrefix = "SALLYPORT_"

// clientVariables are read by the commands that talk to a server; they are no settings.
var clientVariables = []string{"SALLYPORT_CONFIG", "SALLYPORT_SERVER", "SALLYPORT_TOKEN"}

// maxFile bounds a settings file, in bytes.
const maxFile = 1 << 20

// Load reads the settings: defaults, then the YAML file at path (none when
// path is empty), then the SALLYPORT_… variables of environ (as os.Environ
// gives them). Errors name the file, line and key.
func Load(path string, environ []string) (Config, error) {
	cfg := Default()
	if path != "" {
		f, err := os.Open(path)
		if err != nil {
			return Config{}, fmt.Errorf("settings file: %w", err)
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
		if err != nil {
			return Config{}, fmt.Errorf("settings file %s: %w", path, err)
		}
		if len(text) > maxFile {
			return Config{}, fmt.Errorf("settings file %s is larger than %d bytes", path, maxFile)
		}
		if err := parse(text, path, &cfg); err != nil {
			return Config{}, err
		}
	}
	if err := applyEnviron(environ, &cfg); err != nil {
		return Config{}, err
	}
	if err := cfg.Validate(); err != nil {
		return Config{}, err
	}
	return cfg, nil
}

// parse reads the YAML text over cfg; name stands for it in errors.
func parse(text []byte, name string, cfg *Config) error {
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil // an empty file changes nothing
	} else if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: a second document begins after \"---\": keep one", name)
	}
	if err := checkKeys(doc.Content[0], reflect.TypeFor[Config](), ""); err != nil {
		return fmt.Errorf("%s:%w", name, err)
	}
	if err := doc.Decode(cfg); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// checkKeys refuses keys that t does not have. Errors begin with the line.
func checkKeys(n *yaml.Node, t reflect.Type, path string) error {
	switch {
	case t.Kind() == reflect.Slice && n.Kind == yaml.SequenceNode:
		for i, item := range n.Content {
			if err := checkKeys(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	case t.Kind() == reflect.Struct && n.Kind == yaml.MappingNode:
		known := fields(t)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			f, ok := known[key.Value]
			if !ok {
				return fmt.Errorf("%d: unknown key %q%s", key.Line, join(path, key.Value), suggest(key.Value, slices.Collect(maps.Keys(known))))
			}
			if err := checkKeys(n.Content[i+1], f.Type, join(path, key.Value)); err != nil {
				return err
			}
		}
	case n.Kind == yaml.ScalarNode && reflect.PointerTo(t).Implements(reflect.TypeFor[yaml.Unmarshaler]()):
		// It has a short form.
	case t.Kind() == reflect.Struct && n.Kind != yaml.AliasNode && n.Tag != "!!null":
		return fmt.Errorf("%d: %s must hold keys, not %q", n.Line, orTop(path), n.Value)
	}
	return nil
}

func fields(t reflect.Type) map[string]reflect.StructField {
	known := make(map[string]reflect.StructField, t.NumField())
	for i := range t.NumField() {
		known[t.Field(i).Tag.Get("yaml")] = t.Field(i)
	}
	return known
}

// applyEnviron sets what SALLYPORT_… variables say.
func applyEnviron(environ []string, cfg *Config) error {
	targets := map[string]reflect.Value{}
	collect(reflect.ValueOf(cfg).Elem(), strings.TrimSuffix(EnvPrefix, "_"), targets)
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, EnvPrefix) || slices.Contains(clientVariables, name) {
			continue
		}
		target, ok := targets[name]
		if !ok {
			return fmt.Errorf("environment variable %s sets nothing%s", name, suggest(name, slices.Collect(maps.Keys(targets))))
		}
		if err := set(target, value); err != nil {
			return fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	return nil
}

// collect maps variable names to the settings below v.
func collect(v reflect.Value, prefix string, into map[string]reflect.Value) {
	for i := range v.NumField() {
		name := prefix + "_" + strings.ToUpper(v.Type().Field(i).Tag.Get("yaml"))
		if f := v.Field(i); f.Kind() == reflect.Struct {
			collect(f, name, into)
		} else {
			into[name] = f
		}
	}
}

func set(target reflect.Value, value string) error {
	switch target.Kind() {
	case reflect.String:
		target.SetString(value)
		return nil
	case reflect.Slice:
		if target.Type().Elem().Kind() == reflect.String && !strings.HasPrefix(value, "[") {
			var items []string
			for item := range strings.SplitSeq(value, ",") {
				if item = strings.TrimSpace(item); item != "" {
					items = append(items, item)
				}
			}
			target.Set(reflect.ValueOf(items))
			return nil
		}
	}
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(value), &n); err != nil {
		return err
	}
	if len(n.Content) == 0 {
		return errors.New("is empty: unset it, or give a value")
	}
	if err := checkKeys(n.Content[0], target.Type(), ""); err != nil {
		return fmt.Errorf("line %w", err)
	}
	return n.Decode(target.Addr().Interface())
}

// suggest names the known word nearest to a mistyped one, or all of a few.
func suggest(word string, known []string) string {
	slices.Sort(known)
	best, distance := "", len(word)/2+1
	for _, k := range known {
		if d := levenshtein.ComputeDistance(word, k); d < distance {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf(": did you mean %q?", best)
	case len(known) <= 12:
		return ": known are " + strings.Join(known, ", ")
	}
	return ""
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func orTop(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}
