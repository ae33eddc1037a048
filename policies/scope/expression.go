package scope

import (
	"fmt"
	"strconv"
)

// Limits of an expression. They are far above anything a person writes and
// keep parsing, matching and the generated rule small.
const (
	MaxExpression = 64 << 10 // bytes
	MaxTerms      = 4096     // uses of variables
	maxDepth      = 200      // of parentheses and "!"
)

type operator uint8

const (
	leaf operator = iota
	not
	and
	or
)

// node is a boolean expression. and and or have two or more kids, not has one.
type node struct {
	op   operator
	term int // of leaf: index of the variable, from 0
	kids []node
}

// parseExpression reads an expression over v1…v<variables>.
func parseExpression(text string, variables int) (node, error) {
	return parseIn(symbols, text, variables)
}

// language is how the author of an expression spelt it, for messages.
type language struct{ operand, end, closing string }

var (
	symbols = language{"a variable (v1, v2, …), ! or (", "&& or ||, or the end", "&&, || or )"}
	words   = language{"a term (attribute.value), NOT or (", "AND or OR, or the end", "AND, OR or )"}
)

func parseIn(l language, text string, variables int) (node, error) {
	p := parser{language: l, text: text, variables: variables}
	if len(text) > MaxExpression {
		return node{}, p.fail(-1, fmt.Sprintf("the expression has %d bytes, at most %d are read: split the policy", len(text), MaxExpression))
	}
	n, err := p.disjunction(0)
	if err != nil {
		return node{}, err
	}
	p.space()
	if p.pos < len(p.text) {
		return node{}, p.unexpected(p.language.end)
	}
	return n, nil
}

type parser struct {
	language  language
	text      string
	pos       int
	variables int
	terms     int
}

func (p *parser) disjunction(depth int) (node, error) {
	return p.chain(or, "||", depth, func() (node, error) {
		return p.chain(and, "&&", depth, func() (node, error) { return p.factor(depth) })
	})
}

// chain reads operands joined by one operator into one flat node.
func (p *parser) chain(op operator, symbol string, depth int, operand func() (node, error)) (node, error) {
	first, err := operand()
	if err != nil {
		return node{}, err
	}
	kids := []node{first}
	for p.accept(symbol) {
		next, err := operand()
		if err != nil {
			return node{}, err
		}
		kids = append(kids, next)
	}
	if len(kids) == 1 {
		return first, nil
	}
	return node{op: op, kids: kids}, nil
}

func (p *parser) factor(depth int) (node, error) {
	if depth > maxDepth {
		return node{}, p.fail(p.pos, fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	switch {
	case p.accept("!"):
		inner, err := p.factor(depth + 1)
		if err != nil {
			return node{}, err
		}
		return node{op: not, kids: []node{inner}}, nil
	case p.accept("("):
		open := p.pos - 1
		inner, err := p.disjunction(depth + 1)
		if err != nil {
			return node{}, err
		}
		if !p.accept(")") {
			if p.pos == len(p.text) {
				return node{}, p.fail(open, "this parenthesis is never closed")
			}
			return node{}, p.unexpected(p.language.closing)
		}
		return inner, nil
	}
	return p.variable()
}

func (p *parser) variable() (node, error) {
	p.space()
	start := p.pos
	if start == len(p.text) || p.text[start] != 'v' {
		return node{}, p.unexpected(p.language.operand)
	}
	p.pos++
	for p.pos < len(p.text) && p.text[p.pos] >= '0' && p.text[p.pos] <= '9' {
		p.pos++
	}
	n, err := strconv.Atoi(p.text[start+1 : p.pos])
	if err != nil {
		return node{}, p.fail(start, "a variable is v and its number, counted from 1: v1, v2, …")
	}
	if n < 1 || n > p.variables {
		return node{}, p.fail(start, fmt.Sprintf("%s is not among the variables: %s", p.text[start:p.pos], available(p.variables)))
	}
	if p.terms++; p.terms > MaxTerms {
		return node{}, p.fail(start, fmt.Sprintf("more than %d terms: split the policy", MaxTerms))
	}
	return node{op: leaf, term: n - 1}, nil
}

func (p *parser) accept(symbol string) bool {
	p.space()
	if len(p.text)-p.pos < len(symbol) || p.text[p.pos:p.pos+len(symbol)] != symbol {
		return false
	}
	p.pos += len(symbol)
	return true
}

func (p *parser) space() {
	for p.pos < len(p.text) && isSpace(p.text[p.pos]) {
		p.pos++
	}
}

func (p *parser) unexpected(wanted string) error {
	if p.pos == len(p.text) {
		return p.fail(p.pos, "it ends where "+wanted+" should follow")
	}
	if p.language == words {
		return p.fail(p.pos, wanted+" should stand here")
	}
	return p.fail(p.pos, fmt.Sprintf("found %q where %s should follow", p.text[p.pos:p.pos+1], wanted))
}

func (p *parser) fail(at int, reason string) error {
	return &Error{Text: p.text, Offset: at, Reason: reason}
}

func available(variables int) string {
	switch variables {
	case 0:
		return "there are none"
	case 1:
		return "there is only v1"
	}
	return fmt.Sprintf("there are v1 to v%d", variables)
}
