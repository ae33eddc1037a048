package scope

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Rego writes the scope as a rule in_scope over the facts document, with one
// rule v<i> per variable that is used, formatted as "opa fmt" does. It answers
// as Match does.
func (m *Matcher) Rego() string {
	if m.all {
		return "# Every image.\nin_scope := true\n"
	}
	w := regoWriter{m: m, used: make([]bool, len(m.terms))}
	m.visit(&m.root, func(i int) { w.used[i] = true })

	fmt.Fprintf(&w.out, "# %s\n", OneLine(m.scope.String()))
	w.rules("in_scope", &m.root)
	w.out.WriteString(w.inner.String())
	for i, used := range w.used {
		if used {
			w.term(i)
		}
	}
	return w.out.String()
}

// regoWriter turns the expression into rules. A disjunction is several rules
// of one name, a conjunction one rule with several lines; whatever is nested
// deeper than that gets a rule of its own, so that the text grows with the
// expression and not with its normal form.
type regoWriter struct {
	m     *Matcher
	used  []bool
	out   strings.Builder
	inner strings.Builder // rules of nested parts
	parts int
}

// rules writes the definition of name.
func (w *regoWriter) rules(name string, n *node) {
	alternatives := []node{*n}
	if n.op == or {
		alternatives = n.kids
	}
	var text strings.Builder
	for i := range alternatives {
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(rule(name, w.conditions(&alternatives[i])))
	}
	if name == "in_scope" {
		w.out.WriteString(text.String())
		return
	}
	w.inner.WriteString("\n" + text.String())
}

func (w *regoWriter) conditions(n *node) []string {
	if n.op != and {
		return []string{w.operand(n)}
	}
	lines := make([]string, len(n.kids))
	for i := range n.kids {
		lines[i] = w.operand(&n.kids[i])
	}
	return lines
}

func (w *regoWriter) operand(n *node) string {
	switch n.op {
	case leaf:
		return fmt.Sprintf("v%d", n.term+1)
	case not:
		inner := w.operand(&n.kids[0])
		if strings.HasPrefix(inner, "not ") {
			// "not not x" is not Rego.
			inner = w.part(&n.kids[0])
		}
		return "not " + inner
	}
	return w.part(n)
}

// part gives n a rule of its own.
func (w *regoWriter) part(n *node) string {
	w.parts++
	name := fmt.Sprintf("part%d", w.parts)
	w.rules(name, n)
	return name
}

func (w *regoWriter) term(i int) {
	v, t := w.m.scope.Variables[i], &w.m.terms[i]
	name := fmt.Sprintf("v%d", i+1)
	fmt.Fprintf(&w.out, "\n# %s\n", OneLine(v.String()))
	a := t.attribute
	path := "input." + a.rego
	switch {
	case a.rego == "":
		fmt.Fprintf(&w.out, "%s := false # %s\n", name, a.doc)
	case a.list != nil && t.value.shape == exact:
		w.out.WriteString(rule(name, []string{Quote(t.value.part) + " in " + path}))
	case a.list != nil:
		w.out.WriteString(rule(name, lines("some value in "+path, condition(&t.value, "value"))))
	case a.text != nil && t.value.shape == anything:
		w.out.WriteString(rule(name, []string{path + ` != ""`}))
	case a.text != nil:
		w.out.WriteString(rule(name, []string{condition(&t.value, path)}))
	case t.paired:
		w.out.WriteString(rule(name, lines("some name, value in "+path, condition(&t.name, "name"), condition(&t.value, "value"))))
	default:
		// One value is the name or name=value.
		w.out.WriteString(rule(name, lines("some name, _ in "+path, condition(&t.value, "name"))) + "\n" +
			rule(name, lines("some name, value in "+path, condition(&t.value, `concat("=", [name, value])`))))
	}
}

// condition compares the expression subject with p; "" when anything will do.
func condition(p *pattern, subject string) string {
	switch p.shape {
	case exact:
		return subject + " == " + Quote(p.part)
	case prefix:
		return fmt.Sprintf("startswith(%s, %s)", subject, Quote(p.part))
	case suffix:
		return fmt.Sprintf("endswith(%s, %s)", subject, Quote(p.part))
	case contains:
		return fmt.Sprintf("contains(%s, %s)", subject, Quote(p.part))
	case anything:
		return ""
	}
	quoted := make([]string, len(p.parts))
	for i, part := range p.parts {
		quoted[i] = regexp.QuoteMeta(part)
	}
	return fmt.Sprintf("regex.match(%s, %s)", Quote("(?s)^"+strings.Join(quoted, ".*")+"$"), subject)
}

// rule writes name with its conditions, on one line where there is only one.
func rule(name string, conditions []string) string {
	if len(conditions) == 1 && !strings.HasPrefix(conditions[0], "some ") {
		return name + " if " + conditions[0] + "\n"
	}
	return name + " if {\n\t" + strings.Join(conditions, "\n\t") + "\n}\n"
}

func lines(all ...string) []string {
	kept := all[:0]
	for _, l := range all {
		if l != "" {
			kept = append(kept, l)
		}
	}
	return kept
}

// Quote is s as a Rego string, which is written as in JSON. Characters that
// YAML or an editor would take for a line break are escaped.
func Quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	quoted := strings.TrimSuffix(b.String(), "\n")
	if !strings.ContainsFunc(quoted, invisible) {
		return quoted
	}
	b.Reset()
	for _, r := range quoted {
		if invisible(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func invisible(r rune) bool { return r >= 0x7f && r < 0xa0 || r == '\ufeff' }

// OneLine keeps text from leaving the comment it is put in.
func OneLine(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}

// Condition writes the comparison of the Rego expression subject with a
// pattern in which "*" stands for any characters; "" when anything will do.
func Condition(value, subject string) string {
	p := compilePattern(value)
	return condition(&p, subject)
}

// MatchPattern compares text with a pattern in which "*" stands for any characters.
func MatchPattern(value, text string) bool {
	p := compilePattern(value)
	return p.match(text)
}
