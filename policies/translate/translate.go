package translate

import (
	"bytes"
	"embed"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"text/template"

	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/scope"
)

// Package is the Rego of one policy.
type Package struct {
	File     string   // what the package is called in messages and bundles: assurance/<name>.rego
	Path     string   // data.assurance.<name>
	Rego     string   // formatted as "opa fmt" does
	Controls []string // enabled ones, in the order in which they are listed

	// Controlling is the part of Rego without package and scope: what is the
	// same in policies that differ only in name and scope.
	Controlling string
	Sets        []string // that Controlling defines: deny, exempt, pending, skip, warn
}

// Query asks for all sets of the package that stands under path, and binds
// each to its name.
func (p Package) Query(path string) string {
	asked := make([]string, len(p.Sets))
	for i, set := range p.Sets {
		asked[i] = fmt.Sprintf("%s = %s.%s", set, path, set)
	}
	return strings.Join(asked, "; ")
}

// control is one control of the document format.
type control struct {
	id      string // as in checks_performed
	enabled func(*document.Document) bool
	data    func(*document.Document) (any, error) // for the template <id>.rego.tmpl; nil: there is none
}

// Document translates d. It fails when the scope, a range of versions or the
// like does not compile.
func Document(d document.Document) (Package, error) {
	m, err := scope.Compile(d.Scope)
	if err != nil {
		return Package{}, fmt.Errorf("scope: %w", err)
	}
	if err := checkRanges(&d); err != nil {
		return Package{}, err
	}
	p := Package{File: "assurance/" + d.Name + ".rego", Path: "data.assurance" + step(d.Name)}
	var body bytes.Buffer
	for _, c := range controls {
		if !c.enabled(&d) {
			continue
		}
		p.Controls = append(p.Controls, c.id)
		if c.data == nil {
			continue // evaluated from somewhere else
		}
		data, err := c.data(&d)
		if err == nil {
			body.WriteByte('\n')
			err = templates().ExecuteTemplate(&body, c.id+".rego.tmpl", data)
		}
		if err != nil {
			return Package{}, fmt.Errorf("control %s: %w", c.id, err)
		}
	}
	excuses, err := excusesOf(&d)
	if err != nil {
		return Package{}, err
	}
	shared, err := sharedRules(&d, p.Controls, body.String())
	if err != nil {
		return Package{}, err
	}
	p.Controlling = tidy(excuses + body.String() + shared)
	p.Rego = tidy(header(&d) + m.Rego() + p.Controlling)
	p.Sets = setsOf(p.Controlling)
	return p, nil
}

//go:embed templates/*.rego.tmpl
var files embed.FS

var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"quote": scope.Quote,
		"set":   set,
		"list":  list,
	}).ParseFS(files, "templates/*.rego.tmpl"))
})

// tidy leaves one empty line where templates left several, and none at the end.
// No text of people holds line breaks, so that it touches nothing else.
func tidy(text string) string {
	return strings.TrimRight(emptyLines.ReplaceAllString(text, "\n\n"), "\n") + "\n"
}

var emptyLines = regexp.MustCompile(`\n{3,}`)

// Mark is a line of every generated package, by which it is known.
const Mark = "#   generated: from the assurance policy of the same name; change that one"

// header is the package's METADATA and its name.
func header(d *document.Document) string {
	var b strings.Builder
	b.WriteString("# METADATA\n")
	fmt.Fprintf(&b, "# title: %s\n", scope.Quote(d.Name))
	if d.Description != "" {
		fmt.Fprintf(&b, "# description: %s\n", scope.Quote(d.Description))
	}
	b.WriteString("# custom:\n")
	fmt.Fprintf(&b, "#   scope: %s\n", scope.Quote(d.Scope.String()))
	fmt.Fprintf(&b, "#   blocks: %v\n", d.BlockFailed)
	b.WriteString(Mark + "\n")
	fmt.Fprintf(&b, "package assurance%s\n\n", step(d.Name))
	return b.String()
}

// setsOf lists the sets of statements that text defines.
func setsOf(text string) []string {
	var defined []string
	for _, set := range []string{"deny", "exempt", "pending", "skip", "warn"} {
		if strings.Contains("\n"+text, "\n"+set+" contains ") {
			defined = append(defined, set)
		}
	}
	return defined
}

// identifier is what may follow a dot in a path.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// step is name as one step of a path, in the form that "opa fmt" gives it.
func step(name string) string {
	if identifier.MatchString(name) && !keywords[name] {
		return "." + name
	}
	return "[" + scope.Quote(name) + "]"
}

var keywords = map[string]bool{
	"as": true, "contains": true, "default": true, "else": true, "every": true, "false": true, "if": true, "import": true,
	"in": true, "not": true, "null": true, "package": true, "some": true, "true": true, "with": true,
}

// set writes strings as a Rego set, each once.
func set(all []string) string {
	if len(all) == 0 {
		return "set()"
	}
	seen := make(map[string]bool, len(all))
	each := make([]string, 0, len(all))
	for _, s := range all {
		if !seen[s] {
			seen[s], each = true, append(each, s)
		}
	}
	return "{" + joined(each) + "}"
}

// list writes strings as a Rego array.
func list(all []string) string { return "[" + joined(all) + "]" }

func joined(all []string) string {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = scope.Quote(s)
	}
	return strings.Join(quoted, ", ")
}
