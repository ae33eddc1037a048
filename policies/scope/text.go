package scope

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Parse reads the textual form: terms "attribute.value" or
// attribute."name"."value", joined by AND, OR, NOT and parentheses. A value is
// quoted when it has spaces, quotes or parentheses. Blank text includes
// everything. Errors are of type *Error.
func Parse(text string) (Scope, error) {
	if isBlank(text) {
		return Scope{}, nil
	}
	if len(text) > MaxExpression {
		return Scope{}, &Error{Text: text, Offset: -1, Reason: fmt.Sprintf("the text has %d bytes, at most %d are read", len(text), MaxExpression)}
	}
	// The structure is read as an expression over the terms in the order in
	// which they stand; words become symbols, terms become variables.
	var s Scope
	var expression strings.Builder
	var places []place // of what was written to expression
	l := lexer{text: text}
	for {
		tok, err := l.next()
		if err != nil {
			return Scope{}, err
		}
		places = append(places, place{expression.Len(), tok.at})
		switch tok.kind {
		case end:
			if _, err := parseIn(words, expression.String(), len(s.Variables)); err != nil {
				return Scope{}, placed(err, text, places)
			}
			s.Expression = strings.TrimSpace(expression.String())
			return s, nil
		case symbol:
			expression.WriteString(tok.text)
		case word:
			v, err := parseTerm(tok.text)
			if err != nil {
				return Scope{}, &Error{Text: text, Offset: tok.at, Reason: err.Error()}
			}
			i := slices.Index(s.Variables, v)
			if i < 0 {
				i = len(s.Variables)
				s.Variables = append(s.Variables, v)
			}
			expression.WriteString("v" + strconv.Itoa(i+1))
		}
	}
}

// place is where a piece of an expression stands in the text it was made of.
type place struct{ expression, text int }

// placed is what is wrong with an expression, said of the text.
func placed(err error, text string, places []place) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	at := e.Offset
	for _, p := range places {
		if p.expression <= e.Offset {
			at = p.text
		}
	}
	return &Error{Text: text, Offset: at, Reason: e.Reason}
}

type kind uint8

const (
	end kind = iota
	symbol
	word
)

type token struct {
	kind kind
	text string
	at   int
}

// lexer cuts the textual form into terms and operators.
type lexer struct {
	text string
	pos  int
}

var operators = map[string]string{"AND": " && ", "OR": " || ", "NOT": "!", "&&": " && ", "||": " || ", "!": "!"}

func (l *lexer) next() (token, error) {
	for l.pos < len(l.text) && isSpace(l.text[l.pos]) {
		l.pos++
	}
	start := l.pos
	if start == len(l.text) {
		return token{kind: end, at: start}, nil
	}
	switch c := l.text[start]; c {
	case '(', ')', '!':
		l.pos++
		return token{symbol, string(c), start}, nil
	}
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		if isSpace(c) || c == '(' || c == ')' {
			break
		}
		if c != '"' {
			l.pos++
			continue
		}
		quoted, err := strconv.QuotedPrefix(l.text[l.pos:])
		if err != nil {
			return token{}, &Error{Text: l.text, Offset: l.pos, Reason: "this quoted text never ends"}
		}
		l.pos += len(quoted)
	}
	text := l.text[start:l.pos]
	if op, ok := operators[text]; ok {
		return token{symbol, op, start}, nil
	}
	return token{word, text, start}, nil
}

// parseTerm reads attribute.value and attribute."name"."value".
func parseTerm(text string) (Variable, error) {
	for _, a := range attributes {
		rest, ok := strings.CutPrefix(text, a.name)
		if !ok {
			continue
		}
		if rest, ok = strings.CutPrefix(rest, "."); !ok || rest == "" {
			return Variable{}, fmt.Errorf("%s needs a value after it: %s.value", a.name, a.name)
		}
		return parseValues(&a, rest)
	}
	switch {
	case slices.Contains([]string{"AND", "OR", "NOT"}, strings.ToUpper(text)):
		return Variable{}, fmt.Errorf("write %s in capitals", strings.ToUpper(text))
	case variable.MatchString(text):
		return Variable{}, fmt.Errorf("%s needs the list of variables: scope: {expression: …, variables: [{attribute: …, value: …}]}; or write the terms themselves", text)
	case !strings.Contains(text, "."):
		return Variable{}, fmt.Errorf("%q is no term (attribute.value); a value with spaces stands in quotes", text)
	}
	return Variable{}, fmt.Errorf("%q begins with no known attribute; known are %s", text, strings.Join(Attributes(), ", "))
}

var variable = regexp.MustCompile(`^!?v[0-9]+$`)

func parseValues(a *attribute, rest string) (Variable, error) {
	v := Variable{Attribute: a.name}
	first, rest, quoted, err := unquotePrefix(rest)
	if err != nil {
		return Variable{}, err
	}
	if !quoted || rest == "" {
		v.Value = first
		return v, nil
	}
	if !a.named {
		return Variable{}, fmt.Errorf("%s has one value, not a name and a value", a.name)
	}
	second, ok := strings.CutPrefix(rest, ".")
	if !ok || second == "" {
		return Variable{}, fmt.Errorf("after the name of %s stands a dot and the value", a.name)
	}
	v.Name = first
	v.Value, rest, _, err = unquotePrefix(second)
	if err == nil && rest != "" {
		err = fmt.Errorf("%q follows the value of %s", rest, a.name)
	}
	return v, err
}

// unquotePrefix takes a quoted text off the front of s, or all of s as it stands.
func unquotePrefix(s string) (value, rest string, quoted bool, err error) {
	if s[0] != '"' {
		if strings.Contains(s, `"`) {
			return "", "", false, fmt.Errorf("%q: quote the whole value or none of it", s)
		}
		return s, "", false, nil
	}
	q, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", false, fmt.Errorf("%s: this quoted text never ends", s)
	}
	value, err = strconv.Unquote(q)
	return value, s[len(q):], true, err
}

// String is the scope in textual form; of everything it is "". A scope that
// does not compile is shown as it stands in its document.
func (s Scope) String() string {
	if s.Everything() {
		return ""
	}
	root, err := parseExpression(s.Expression, len(s.Variables))
	if err != nil {
		return s.Expression
	}
	var b strings.Builder
	s.print(&b, &root, or)
	return b.String()
}

// print writes n; around is the operator that n is an operand of.
func (s Scope) print(b *strings.Builder, n *node, around operator) {
	switch n.op {
	case leaf:
		b.WriteString(s.Variables[n.term].String())
		return
	case not:
		b.WriteString("NOT ")
		s.print(b, &n.kids[0], not)
		return
	}
	// AND inside OR needs no parentheses, all else that is nested does.
	inner := n.op == or && around != or || n.op == and && around == not
	if inner {
		b.WriteByte('(')
	}
	for i := range n.kids {
		if i > 0 {
			b.WriteString(map[operator]string{and: " AND ", or: " OR "}[n.op])
		}
		s.print(b, &n.kids[i], n.op)
	}
	if inner {
		b.WriteByte(')')
	}
}

// String is the variable as a term of the textual form.
func (v Variable) String() string {
	if a, ok := attributeNamed(v.Attribute); ok && a.named && v.Name != "" {
		return v.Attribute + "." + strconv.Quote(v.Name) + "." + strconv.Quote(v.Value)
	}
	if strings.ContainsAny(v.Value, " \t\r\n()\"") || strconv.Quote(v.Value) != `"`+v.Value+`"` {
		return v.Attribute + "." + strconv.Quote(v.Value)
	}
	return v.Attribute + "." + v.Value
}
