package sim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// maxFound is how many records a search answers with.
const maxFound = 2000

// search is a parsed FIND.
type search struct {
	words  [][]string // any of the lists, of which every word must be there
	in     string     // "ALL", "NAME", "EMAIL", "PHONE" or "SIDEBAR"
	from   []*query   // by RETURNING; none: every object that can be searched
	limit  int
	source string
}

func badSearch(format string, args ...any) error {
	return newFault(http.StatusBadRequest, "MALFORMED_SEARCH", format, args...)
}

// parseSOSL reads FIND {…} IN … FIELDS RETURNING …. What RETURNING says of an object is what
// a query says, without SELECT and FROM.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_sosl_syntax.htm
func parseSOSL(sosl string) (*search, error) {
	rest := strings.TrimSpace(sosl)
	if len(rest) < 4 || !strings.EqualFold(rest[:4], "FIND") {
		return nil, badSearch("SOSL must start with FIND: %.80s", rest)
	}
	if rest = strings.TrimSpace(rest[4:]); len(rest) > maxQuery || !strings.HasPrefix(rest, "{") {
		return nil, badSearch("unexpected token after FIND: %.20s", rest)
	}
	end := 1
	for end < len(rest) && rest[end] != '}' {
		if rest[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(rest) {
		return nil, badSearch("the search text has no end")
	}
	s := &search{in: "ALL", limit: maxFound, source: rest[end+1:]}
	if s.words = searchWords(rest[1:end]); len(s.words) == 0 {
		return nil, badSearch("the search text is empty")
	}
	tokens, err := lex(s.source)
	if err != nil {
		return nil, err
	}
	p := &parser{soql: s.source, tokens: tokens}
	if p.accept("IN") {
		if s.in = strings.ToUpper(p.next().text); !slices.Contains([]string{"ALL", "NAME", "EMAIL", "PHONE", "SIDEBAR"}, s.in) {
			return nil, badSearch("unexpected group of fields: %s", s.in)
		}
		if err := p.expect("FIELDS"); err != nil {
			return nil, err
		}
	}
	if p.accept("RETURNING") {
		for {
			q, err := p.returning()
			if err != nil {
				return nil, err
			}
			s.from = append(s.from, q)
			if !p.accept(",") {
				break
			}
		}
	}
	for p.accept("WITH") { // of snippets, networks and the like, which change nothing here
		for p.peek().kind != tokenEnd && !p.peek().is("WITH") && !p.peek().is("LIMIT") {
			p.next()
		}
	}
	if p.accept("LIMIT") {
		if s.limit, err = p.number(); err != nil || s.limit > maxFound {
			return nil, badSearch("LIMIT takes a number up to %d", maxFound)
		}
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, p.unexpected(t)
	}
	return s, nil
}

// returning reads Object or Object(Field, Field WHERE … ORDER BY … LIMIT n OFFSET n).
func (p *parser) returning() (*query, error) {
	t := p.next()
	if t.kind != tokenWord {
		return nil, p.unexpected(t)
	}
	q := &query{soql: p.soql, from: t.text, fromAt: t.at, limit: -1}
	if !p.accept("(") {
		return q, nil
	}
	for {
		s, err := p.selected()
		if err != nil {
			return nil, err
		}
		if s.alias != "" || s.sub != nil {
			return nil, malformed(p.soql, s.at, "RETURNING takes fields")
		}
		q.fields = append(q.fields, s)
		if !p.accept(",") {
			break
		}
	}
	var err error
	if p.accept("WHERE") {
		if q.where, err = p.or(); err != nil {
			return nil, err
		}
	}
	if p.accept("ORDER") {
		if err := p.orderBy(q); err != nil {
			return nil, err
		}
	}
	if p.accept("LIMIT") {
		if q.limit, err = p.number(); err != nil {
			return nil, err
		}
	}
	if p.accept("OFFSET") {
		if q.offset, err = p.number(); err != nil {
			return nil, err
		}
	}
	return q, p.expect(")")
}

func (p *parser) number() (int, error) {
	t := p.next()
	n, err := strconv.Atoi(t.text)
	if t.kind != tokenNumber || err != nil || n < 0 {
		return 0, p.unexpected(t)
	}
	return n, nil
}

// searchWords cuts the text of a search: OR divides, everything else must be there together.
func searchWords(text string) [][]string {
	var out [][]string
	var here []string
	for word := range strings.FieldsSeq(strings.NewReplacer(`"`, " ", "(", " ", ")", " ").Replace(text)) {
		switch {
		case word == "AND":
		case word == "OR":
			if len(here) > 0 {
				out = append(out, here)
			}
			here = nil
		default:
			word = strings.ToLower(strings.ReplaceAll(word, `\`, ""))
			here = append(here, strings.FieldsFunc(word, func(r rune) bool { return !isWordRune(r) && r != '*' && r != '?' })...)
		}
	}
	if len(here) > 0 {
		out = append(out, here)
	}
	return out
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// found says whether any of the lists has all its words among those of a text.
func (s *search) found(text string) bool {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !isWordRune(r) })
	return slices.ContainsFunc(s.words, func(all []string) bool {
		return !slices.ContainsFunc(all, func(want string) bool {
			match := likeMatcher(token{text: strings.NewReplacer("*", "%", "?", "_").Replace(want)})
			return !slices.ContainsFunc(words, match)
		})
	})
}

// looksInto says whether the search is for the field.
func (s *search) looksInto(f *field) bool {
	switch s.in {
	case "NAME":
		return f.nameField
	case "EMAIL", "PHONE":
		return f.kind == strings.ToLower(s.in)
	}
	return slices.Contains([]string{"string", "textarea", "email", "phone", "url", "picklist", "html"}, f.kind)
}

// runSearch answers /search?q= and /parameterizedSearch.
func (c *call) runSearch(sosl string) (*answer, error) {
	s, err := parseSOSL(sosl)
	if err != nil {
		return nil, err
	}
	if s.from == nil {
		for _, e := range c.o.schema.order {
			if e.searchable() && c.access(e).Read {
				s.from = append(s.from, &query{soql: s.source, from: e.name, limit: -1})
			}
		}
	}
	records := []any{}
	for _, q := range s.from {
		whole := *q
		whole.limit, whole.offset = -1, 0 // those of the records found
		rows, e, err := c.selectRows(&whole, false)
		if err != nil {
			return nil, err
		}
		if len(q.fields) == 0 {
			whole.fields = []selected{{path: []string{"Id"}}}
		}
		if err := c.checkSelection(&whole, e); err != nil {
			return nil, err
		}
		skip, most := q.offset, q.limit
		for _, r := range rows {
			if len(records) == s.limit || most == 0 {
				break
			}
			if !c.matches(s, r) {
				continue
			}
			if skip > 0 {
				skip--
				continue
			}
			o, err := c.project(&whole, e, r)
			if err != nil {
				return nil, err
			}
			records = append(records, o)
			most--
		}
	}
	if c.version < "37.0" { // versions on the path have two digits
		return ok(records), nil
	}
	return ok(object{{"searchRecords", records}}), nil
}

func (c *call) matches(s *search, r *record) bool {
	var text strings.Builder
	for _, f := range r.e.fields {
		if v, is := r.get(f).(string); is && s.looksInto(f) {
			text.WriteString(v + "\n")
		}
	}
	return s.found(text.String())
}

// parameterized turns the parameters of a search, of the address or of a body, into FIND.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_search_parameterized.htm
func (c *call) parameterized() (*answer, error) {
	if err := c.allow("GET", "POST"); err != nil {
		return nil, err
	}
	type wanted struct{ name, fields, limit string }
	var objects []wanted
	text, in, limit, common := "", "", "", ""
	if c.method == http.MethodPost {
		body, err := c.body.object()
		if err != nil {
			return nil, err
		}
		text, in, limit, common = plainText(body["q"]), plainText(body["in"]), plainText(body["overallLimit"]), plainText(body["fields"])
		list, _ := body["sobjects"].([]any)
		for _, one := range list {
			o, _ := one.(map[string]any)
			objects = append(objects, wanted{plainText(o["name"]), plainText(o["fields"]), plainText(o["limit"])})
		}
	} else {
		text, in, limit, common = c.query.Get("q"), c.query.Get("in"), c.query.Get("overallLimit"), c.query.Get("fields")
		for _, name := range c.query["sobject"] {
			objects = append(objects, wanted{name, c.query.Get(name + ".fields"), c.query.Get(name + ".limit")})
		}
	}
	sosl := "FIND {" + strings.NewReplacer("{", " ", "}", " ").Replace(text) + "}"
	if in != "" {
		sosl += " IN " + in + " FIELDS"
	}
	for i, o := range objects {
		sosl += map[bool]string{true: " RETURNING ", false: ", "}[i == 0] + o.name
		if o.fields == "" {
			o.fields = common
		}
		if o.fields == "" {
			o.fields = "Id"
		}
		sosl += "(" + o.fields
		if o.limit != "" {
			sosl += " LIMIT " + o.limit
		}
		sosl += ")"
	}
	if limit != "" {
		sosl += " LIMIT " + limit
	}
	return c.runSearch(sosl)
}

// plainText is a parameter as text: a list is joined by commas.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var parts []string
		for _, one := range v {
			parts = append(parts, plainText(one))
		}
		return strings.Join(parts, ", ")
	case interface{ String() string }:
		return v.String()
	}
	return ""
}
