package sim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// scopes are what USING SCOPE takes. Those other than MINE change nothing here.
var scopes = []string{"DELEGATED", "EVERYTHING", "MINE", "MINE_AND_MY_GROUPS", "MY_TERRITORY", "MY_TEAM_TERRITORY", "TEAM"}

// Limits on what a query may be. The platform's own length limit is the first.
const (
	maxQuery      = 100_000
	maxQueryDepth = 50
	maxOffset     = 2000
)

// query is a parsed SELECT.
type query struct {
	soql   string
	fields []selected
	from   string
	fromAt int
	where  condition // nil: all
	group  []selected
	having condition // nil: all groups
	rollup string    // "ROLLUP" or "CUBE": there are subtotals
	order  []ordering
	limit  int // -1: none
	offset int
	scope  string // of USING SCOPE, in capitals
}

// selected is one thing a query asks for: a field by its path, an aggregate, or the
// records of a child relationship.
type selected struct {
	path  []string
	at    int
	apply string // an aggregate or a function of a date, in capitals, or ""
	alias string
	aside token // the alias of a plain field, which only a query with groups may have
	sub   *query
	of    *typeof
	from  *distance
}

type ordering struct {
	path      []string
	apply     string
	at        int
	down      bool
	nullsLast bool
}

// condition is a node of WHERE: *both, *negation or *comparison.
type condition any

type both struct {
	and   bool
	terms []condition
}

type negation struct{ term condition }

type comparison struct {
	path   []string
	apply  string // a function of a date, in HAVING also an aggregate, or ""
	at     int
	op     string // "=", "!=", "<", "<=", ">", ">=", "LIKE", "IN", "NOT IN"
	values []token
	sub    *query // of IN

	bound *bound // filled in when the query is bound to a schema
}

type parser struct {
	soql   string
	tokens []token
	pos    int
	depth  int
}

// parseSOQL reads a query. Errors are faults in the platform's words.
func parseSOQL(soql string) (*query, error) {
	if strings.TrimSpace(soql) == "" {
		return nil, newFault(http.StatusBadRequest, "MALFORMED_QUERY", "SOQL statement cannot be empty.")
	}
	if len(soql) > maxQuery {
		return nil, newFault(http.StatusBadRequest, "QUERY_TOO_COMPLICATED", "SOQL statements cannot be longer than %d characters.", maxQuery)
	}
	tokens, err := lex(soql)
	if err != nil {
		return nil, err
	}
	p := &parser{soql: soql, tokens: tokens}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, p.unexpected(t)
	}
	return q, nil
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != tokenEnd {
		p.pos++
	}
	return t
}

func (p *parser) accept(word string) bool {
	if p.peek().is(word) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(word string) error {
	if p.accept(word) {
		return nil
	}
	return p.unexpected(p.peek())
}

func (p *parser) unexpected(t token) error {
	if t.kind == tokenEnd {
		return malformed(p.soql, t.at, "unexpected token: <EOF>")
	}
	return malformed(p.soql, t.at, "unexpected token: %s", t)
}

// deeper guards recursion against queries made to exhaust the stack.
func (p *parser) deeper() error {
	if p.depth++; p.depth > maxQueryDepth {
		return newFault(http.StatusBadRequest, "QUERY_TOO_COMPLICATED", "The query nests deeper than %d levels.", maxQueryDepth)
	}
	return nil
}

func (p *parser) query() (*query, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	q := &query{soql: p.soql, limit: -1}
	if err := p.expect("SELECT"); err != nil {
		return nil, err
	}
	for {
		s, err := p.selected()
		if err != nil {
			return nil, err
		}
		q.fields = append(q.fields, s)
		if !p.accept(",") {
			break
		}
	}
	if err := p.expect("FROM"); err != nil {
		return nil, err
	}
	t := p.next()
	if t.kind != tokenWord {
		return nil, p.unexpected(t)
	}
	q.from, q.fromAt = t.text, t.at
	if next := p.peek(); next.kind == tokenWord && !isClause(next) { // an alias
		alias := p.next().text
		for i := range q.fields {
			q.fields[i].path = withoutAlias(q.fields[i].path, alias)
		}
		p.forget(alias)
	}
	if p.accept("USING") {
		if err := p.expect("SCOPE"); err != nil {
			return nil, err
		}
		if q.scope = strings.ToUpper(p.next().text); !slices.Contains(scopes, q.scope) {
			return nil, malformed(p.soql, p.tokens[p.pos-1].at, "unexpected token: '%s'", q.scope)
		}
	}
	if p.accept("WHERE") {
		var err error
		if q.where, err = p.or(); err != nil {
			return nil, err
		}
	}
	if p.accept("WITH") { // the caller's rights count here in any case
		if !p.accept("SECURITY_ENFORCED") && !p.accept("USER_MODE") && !p.accept("SYSTEM_MODE") {
			return nil, p.unexpected(p.peek())
		}
	}
	if p.accept("GROUP") {
		if err := p.groupBy(q); err != nil {
			return nil, err
		}
	}
	if p.accept("ORDER") {
		if err := p.orderBy(q); err != nil {
			return nil, err
		}
	}
	if err := p.checkGroups(q); err != nil {
		return nil, err
	}
	for _, clause := range []struct {
		word string
		into *int
	}{{"LIMIT", &q.limit}, {"OFFSET", &q.offset}} {
		if !p.accept(clause.word) {
			continue
		}
		t := p.next()
		n, err := strconv.Atoi(t.text)
		if t.kind != tokenNumber || err != nil || n < 0 {
			return nil, p.unexpected(t)
		}
		*clause.into = n
	}
	if q.offset > maxOffset {
		return nil, newFault(http.StatusBadRequest, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is %d", maxOffset)
	}
	if p.accept("FOR") {
		if !p.accept("VIEW") && !p.accept("REFERENCE") && !p.accept("UPDATE") {
			return nil, p.unexpected(p.peek())
		}
	}
	return q, nil
}

// forget takes an alias off the tokens that follow: a.Name is Name.
func (p *parser) forget(alias string) {
	prefix := strings.ToLower(alias) + "."
	for i := p.pos; i < len(p.tokens); i++ {
		if t := &p.tokens[i]; t.kind == tokenWord && strings.HasPrefix(strings.ToLower(t.text), prefix) {
			t.text = t.text[len(prefix):]
		}
	}
}

func withoutAlias(path []string, alias string) []string {
	if len(path) > 1 && strings.EqualFold(path[0], alias) {
		return path[1:]
	}
	return path
}

func isClause(t token) bool {
	for _, word := range []string{"USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "ALL"} {
		if t.is(word) {
			return true
		}
	}
	return false
}

func (p *parser) selected() (selected, error) {
	if p.accept("(") {
		at := p.peek().at
		sub, err := p.query()
		if err != nil {
			return selected{}, err
		}
		return selected{sub: sub, at: at}, p.expect(")")
	}
	t := p.next()
	if t.kind != tokenWord || t.is("FROM") {
		return selected{}, p.unexpected(t)
	}
	if t.is("TYPEOF") && p.peek().kind == tokenWord && !p.peek().is("FROM") {
		of, err := p.typeof()
		return selected{of: of, at: t.at}, err
	}
	s := selected{path: strings.Split(t.text, "."), at: t.at}
	if t.is("DISTANCE") && p.peek().is("(") {
		var err error
		s.apply = "DISTANCE"
		if s.from, err = p.distance(); err == nil && p.peek().kind == tokenWord && !p.peek().is("FROM") {
			s.alias = p.next().text
		}
		return s, err
	}
	if !p.peek().is("(") {
		if alias := p.peek(); alias.kind == tokenWord && !alias.is("FROM") && (p.tokens[p.pos+1].is(",") || p.tokens[p.pos+1].is("FROM")) {
			s.aside, s.alias = p.next(), alias.text
		}
		return s, nil
	}
	var err error
	if s.apply, s.path, err = p.applied(t); err != nil {
		return selected{}, err
	}
	if alias := p.peek(); alias.kind == tokenWord && !alias.is("FROM") {
		s.alias = p.next().text
	}
	return s, nil
}

func (p *parser) orderBy(q *query) error {
	if err := p.expect("BY"); err != nil {
		return err
	}
	for {
		t := p.next()
		if t.kind != tokenWord {
			return p.unexpected(t)
		}
		o := ordering{path: strings.Split(t.text, "."), at: t.at}
		if p.peek().is("(") {
			var err error
			if o.apply, o.path, err = p.applied(t); err != nil {
				return err
			}
		}
		if p.accept("DESC") {
			o.down = true
		} else {
			p.accept("ASC")
		}
		if p.accept("NULLS") {
			if o.nullsLast = p.accept("LAST"); !o.nullsLast {
				if err := p.expect("FIRST"); err != nil {
					return err
				}
			}
		}
		q.order = append(q.order, o)
		if !p.accept(",") {
			return nil
		}
	}
}

func (p *parser) or() (condition, error) { return p.chain("OR", p.and) }

func (p *parser) and() (condition, error) { return p.chain("AND", p.unary) }

// chain reads terms joined by one word. AND binds tighter than OR; the platform wants
// parentheses where both occur, which is a difference that harms no correct client.
func (p *parser) chain(word string, term func() (condition, error)) (condition, error) {
	first, err := term()
	if err != nil {
		return nil, err
	}
	terms := []condition{first}
	for p.accept(word) {
		next, err := term()
		if err != nil {
			return nil, err
		}
		terms = append(terms, next)
	}
	if len(terms) == 1 {
		return first, nil
	}
	return &both{and: word == "AND", terms: terms}, nil
}

func (p *parser) unary() (condition, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if p.accept("NOT") {
		term, err := p.unary()
		return &negation{term}, err
	}
	if p.accept("(") {
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	}
	return p.comparison()
}

func (p *parser) comparison() (condition, error) {
	t := p.next()
	if t.kind != tokenWord {
		return nil, p.unexpected(t)
	}
	c := &comparison{path: strings.Split(t.text, "."), at: t.at}
	if p.peek().is("(") {
		var err error
		if c.apply, c.path, err = p.applied(t); err != nil {
			return nil, err
		}
	}
	op := p.next()
	switch {
	case op.kind == tokenMark && strings.Contains("= != <> < <= > >=", op.text) && op.text != "(" && op.text != ")":
		if c.op = op.text; c.op == "<>" {
			c.op = "!="
		}
	case op.is("LIKE"):
		c.op = "LIKE"
	case op.is("IN"):
		c.op = "IN"
	case op.is("NOT"):
		if err := p.expect("IN"); err != nil {
			return nil, err
		}
		c.op = "NOT IN"
	default:
		return nil, p.unexpected(op)
	}
	if c.op != "IN" && c.op != "NOT IN" {
		v, err := p.literal()
		c.values = []token{v}
		return c, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	if p.peek().is("SELECT") {
		sub, err := p.query()
		if err != nil {
			return nil, err
		}
		c.sub = sub
		return c, p.expect(")")
	}
	for {
		v, err := p.literal()
		if err != nil {
			return nil, err
		}
		c.values = append(c.values, v)
		if !p.accept(",") {
			return c, p.expect(")")
		}
	}
}

func (p *parser) literal() (token, error) {
	t := p.next()
	switch t.kind {
	case tokenString, tokenNumber, tokenDate:
		return t, nil
	case tokenWord:
		if t.is("SELECT") || strings.Contains(t.text, ".") {
			return t, p.unexpected(t)
		}
		if p.peek().is(":") { // LAST_N_DAYS:7
			p.next()
			n := p.next()
			if n.kind != tokenNumber {
				return t, p.unexpected(n)
			}
			t.text += ":" + n.text
		}
		return t, nil
	}
	return t, p.unexpected(t)
}
