package sim

import (
	"math"
	"strconv"
	"strings"
)

// typeof asks for fields by what a reference leads to.
// https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_typeof.htm
type typeof struct {
	relation string
	at       int
	cases    []typeofCase
	other    []selected // of ELSE
}

type typeofCase struct {
	object string
	at     int
	fields []selected
}

// typeof reads what follows the word.
func (p *parser) typeof() (*typeof, error) {
	t := p.next()
	of := &typeof{relation: t.text, at: t.at}
	for p.accept("WHEN") {
		object := p.next()
		if object.kind != tokenWord {
			return nil, p.unexpected(object)
		}
		if err := p.expect("THEN"); err != nil {
			return nil, err
		}
		fields, err := p.plainFields()
		if err != nil {
			return nil, err
		}
		of.cases = append(of.cases, typeofCase{object.text, object.at, fields})
	}
	if len(of.cases) == 0 {
		return nil, p.unexpected(p.peek())
	}
	if p.accept("ELSE") {
		var err error
		if of.other, err = p.plainFields(); err != nil {
			return nil, err
		}
	}
	return of, p.expect("END")
}

func (p *parser) plainFields() ([]selected, error) {
	var out []selected
	for {
		t := p.next()
		if t.kind != tokenWord {
			return nil, p.unexpected(t)
		}
		out = append(out, selected{path: strings.Split(t.text, "."), at: t.at})
		if !p.accept(",") {
			return out, nil
		}
	}
}

// checkTypeof refuses objects and fields that are not there. Fields of ELSE are those of
// Name, which stands for whatever has one: they are looked for in each record.
func (c *call) checkTypeof(q *query, e *entity, of *typeof) error {
	if e.byRelation[strings.ToLower(of.relation)] == nil {
		return badField(q, of.at, of.relation, e.name)
	}
	for _, one := range of.cases {
		to := c.o.schema.entity(one.object)
		if to == nil {
			f := malformed(q.soql, one.at, "sObject type '%s' is not supported.", one.object)
			f.code = "INVALID_TYPE"
			return f
		}
		for _, s := range one.fields {
			if _, err := c.resolve(q, to, s.path, s.at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *call) showTypeof(q *query, e *entity, r *record, of *typeof) member {
	f := e.byRelation[strings.ToLower(of.relation)]
	to := c.find(r.text(f.name))
	if to == nil || !c.mayRead(to) {
		return member{f.relation, nil}
	}
	fields := of.other
	for _, one := range of.cases {
		if strings.EqualFold(one.object, to.e.name) {
			fields = one.fields
		}
	}
	out := object{{"attributes", c.attributes(to)}}
	for _, s := range fields {
		if steps, err := c.resolve(q, to.e, s.path, s.at); err == nil { // ELSE may name what only others have
			out = c.place(out, to, steps, s.path)
		}
	}
	return member{f.relation, out}
}

// distance is DISTANCE(Field, GEOLOCATION(latitude, longitude), 'unit').
type distance struct {
	field     string
	latitude  float64
	longitude float64
	radius    float64 // of the earth, in the unit
}

func (p *parser) distance() (*distance, error) {
	d := &distance{}
	p.next() // the parenthesis
	t := p.next()
	if t.kind != tokenWord {
		return nil, p.unexpected(t)
	}
	d.field = t.text
	for _, word := range []string{",", "GEOLOCATION", "("} {
		if err := p.expect(word); err != nil {
			return nil, err
		}
	}
	for i, into := range []*float64{&d.latitude, &d.longitude} {
		if i > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		t := p.next()
		n, err := strconv.ParseFloat(t.text, 64)
		if t.kind != tokenNumber || err != nil {
			return nil, p.unexpected(t)
		}
		*into = n
	}
	for _, word := range []string{")", ","} {
		if err := p.expect(word); err != nil {
			return nil, err
		}
	}
	t = p.next()
	if d.radius = map[string]float64{"mi": 3958.8, "km": 6371}[t.text]; t.kind != tokenString || d.radius == 0 {
		return nil, p.unexpected(t)
	}
	return d, p.expect(")")
}

// of is how far the record is; nil where it does not say where it is.
func (d *distance) of(r *record) any {
	prefix := strings.TrimSuffix(r.e.field(d.field).name, "Address")
	latitude, known := r.values[prefix+"Latitude"].(float64)
	longitude, both := r.values[prefix+"Longitude"].(float64)
	if !known || !both {
		return nil
	}
	radians := func(degrees float64) float64 { return degrees * math.Pi / 180 }
	square := func(x float64) float64 { return x * x }
	a := square(math.Sin(radians(latitude-d.latitude)/2)) +
		math.Cos(radians(latitude))*math.Cos(radians(d.latitude))*square(math.Sin(radians(longitude-d.longitude)/2))
	return 2 * d.radius * math.Asin(math.Min(1, math.Sqrt(a)))
}

// address is the compound of the fields with a prefix, nil when none is filled.
func address(r *record, prefix string) any {
	out, filled := object{}, false
	for _, part := range []string{"City", "Country", "GeocodeAccuracy", "Latitude", "Longitude", "PostalCode", "State", "Street"} {
		v := r.values[prefix+part]
		filled = filled || v != nil
		out = append(out, member{strings.ToLower(part[:1]) + part[1:], v})
	}
	if !filled {
		return nil
	}
	return out
}
