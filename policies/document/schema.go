package document

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/sallyport-dev/sallyport/policies/schema"
)

// policySchema is the published schema, compiled once.
var policySchema = sync.OnceValue(func() *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Policy))
	if err != nil {
		panic("the embedded schema is not JSON: " + err.Error())
	}
	const url = "assurance-policy.schema.json"
	c := jsonschema.NewCompiler()
	if err := c.AddResource(url, doc); err != nil {
		panic("the embedded schema cannot be loaded: " + err.Error())
	}
	return c.MustCompile(url)
})

// validate checks t against the schema and lists every fault.
func validate(file string, t *tree) []error {
	err := policySchema().Validate(t.plain())
	if err == nil {
		return nil
	}
	invalid, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return []error{&Error{File: file, Reason: err.Error()}}
	}
	var faults []error
	collect(invalid, func(e *jsonschema.ValidationError) {
		if reason := explain(e); reason != "" {
			line := t.keyLine(e.InstanceLocation)
			faults = append(faults, &Error{File: file, Line: line, Field: fieldName(e.InstanceLocation), Reason: reason})
		}
	})
	slices.SortStableFunc(faults, func(a, b error) int { return cmp.Compare(a.(*Error).Line, b.(*Error).Line) })
	return faults
}

// collect visits the faults that have no causes below them.
func collect(e *jsonschema.ValidationError, f func(*jsonschema.ValidationError)) {
	if len(e.Causes) == 0 {
		f(e)
		return
	}
	for _, c := range e.Causes {
		collect(c, f)
	}
}

var english = message.NewPrinter(language.English)

// explain says what is wrong in the words of somebody who writes a policy;
// "" when it is tolerated after all.
func explain(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		want := slices.DeleteFunc(slices.Clone(k.Want), func(t string) bool { return t == "null" })
		return fmt.Sprintf("is %s where %s is expected", article(k.Got), strings.Join(want, " or "))
	case *kind.Enum:
		return explainEnum(e.InstanceLocation, k)
	case *kind.AdditionalProperties:
		known := extensionKeys(e.InstanceLocation)
		var each []string
		for _, p := range k.Properties {
			each = append(each, unknown(p, known))
		}
		return strings.Join(each, "; ")
	case *kind.Required:
		return "lacks " + strings.Join(k.Missing, ", ")
	case *kind.Minimum:
		return fmt.Sprintf("is %s, at least %s", decimal(k.Got), decimal(k.Want))
	case *kind.Maximum:
		return fmt.Sprintf("is %s, at most %s", decimal(k.Got), decimal(k.Want))
	case *kind.MinLength:
		return "is empty"
	case *kind.Pattern:
		if slices.Equal(e.InstanceLocation, []string{"name"}) {
			return CheckName(k.Got).Error()
		}
		if _, err := parseDuration(k.Got); err != nil {
			return err.Error()
		}
	}
	return e.ErrorKind.LocalizedString(english)
}

func explainEnum(path []string, k *kind.Enum) string {
	got, ok := k.Got.(string)
	if ok && strings.HasSuffix(path[len(path)-1], "severity") && slices.Contains(k.Want, any(strings.ToLower(got))) {
		return "" // any case is read
	}
	var allowed []string
	for _, w := range k.Want {
		if s, ok := w.(string); ok && s != "" {
			allowed = append(allowed, s)
		}
	}
	return fmt.Sprintf("%v is not allowed; allowed are %s", show(k.Got), strings.Join(allowed, ", "))
}

func article(typ string) string {
	if strings.ContainsAny(typ[:1], "aio") {
		return "an " + typ
	}
	return "a " + typ
}

func decimal(r *big.Rat) string {
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func show(v any) string {
	if s, ok := v.(string); ok {
		if len(s) > 60 {
			s = s[:57] + "…"
		}
		return strconv.Quote(s)
	}
	return fmt.Sprint(v)
}

// fieldName writes steps as scope.variables[0].attribute.
func fieldName(path []string) string {
	var b strings.Builder
	for _, step := range path {
		if _, err := strconv.Atoi(step); err == nil {
			b.WriteString("[" + step + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(step)
	}
	return b.String()
}
