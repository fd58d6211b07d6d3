package conformance

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cordonhq/cordon/salesforce"
)

// seen is a value of an answer, reduced to what may be told of it.
//
// Its form is one of: true, false, null, {name} for the value of a variable, "WORD" for a word
// on a closed list or in the script itself, id 068, time 2006-01-02T15:04:05.000-0700, date,
// address, e-mail, text, integer, decimal, code (one that is on no list), empty text, empty list,
// empty object. Where the script wants a number, its form is the number, up to three digits.
type seen struct {
	form   string
	length int    // in characters; of text, code, address and e-mail
	words  string // of a message, with variables put back; compared, never shown for an org
}

// show is the value as a report has it.
func (s seen) show() string {
	if s.length > 0 {
		return fmt.Sprintf("%s of %d characters", s.form, s.length)
	}
	return s.form
}

// observation is an answer, by path.
type observation map[string]seen

// observer reduces answers of one org to forms.
type observer struct {
	vars  Variables
	known map[string]bool // words that scripts use themselves
	keys  map[string]bool // keys of the simulator's answers, and of scripts
	learn bool            // take further keys as known: the answer is the simulator's
}

// headers that answers are compared by, where they have them.
var headers = []string{"Content-Type", "Location", "Sforce-Limit-Info", "Www-Authenticate", "Allow"}

func (o *observer) observe(s Step, a Answer) observation {
	out := observation{"status": {form: strconv.Itoa(a.Status)}}
	for _, h := range headers {
		if value := a.Header.Get(h); value != "" {
			out["header."+h] = o.header(h, value)
		}
	}
	w := walk{observer: o, step: s, out: out}
	mediaType, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	switch {
	case s.Bytes != "" && a.Status == 200:
		form := "other bytes"
		if string(a.Body) == o.vars.fill(s.Bytes) {
			form = "the bytes that were sent"
		}
		out["bytes"] = seen{form: form}
	case len(a.Body) == 0:
	case strings.HasSuffix(mediaType, "json"):
		w.json(a.Body)
	case strings.HasSuffix(mediaType, "xml"):
		w.xml(a.Body)
	case mediaType == "text/csv":
		w.csv(a.Body)
	default:
		w.put(".text", w.text("", strings.TrimSpace(string(a.Body))))
	}
	for _, c := range s.Checks {
		out["check "+c.Name] = seen{form: c.Of(a, o.vars)}
	}
	return out
}

var digits = regexp.MustCompile(`[0-9]+`)

func (o *observer) header(name, value string) seen {
	switch name {
	case "Location":
		return o.address(value)
	case "Sforce-Limit-Info":
		value = digits.ReplaceAllString(value, "N")
	}
	value = strings.ReplaceAll(value, "; ", ";")
	if headerValues[strings.ToLower(value)] {
		return seen{form: strconv.Quote(value)}
	}
	return seen{form: "text", length: utf8.RuneCountInString(value)}
}

// walk goes through one answer.
type walk struct {
	*observer
	step Step
	out  observation
}

func (w *walk) put(path string, s seen) { w.out[path] = s }

func (w *walk) json(body []byte) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		w.put(".", seen{form: "no JSON, though it says so"})
		return
	}
	w.value("", v, 0)
}

// maxDepth bounds how deep an answer is followed.
const maxDepth = 24

func (w *walk) value(path string, v any, depth int) {
	if depth > maxDepth {
		w.put(path, seen{form: "deeper than is followed"})
		return
	}
	switch v := v.(type) {
	case nil:
		w.put(path, seen{form: "null"})
	case bool:
		w.put(path, seen{form: strconv.FormatBool(v)})
	case json.Number:
		w.put(path, w.number(path, v.String()))
	case string:
		w.put(path, w.text(path, v))
	case []any:
		w.list(path, v, depth)
	case map[string]any:
		if len(v) == 0 {
			w.put(path, seen{form: "empty object"})
			return
		}
		other := 0
		for k, member := range v {
			if w.learn {
				w.keys[k] = true
			}
			if !w.keys[k] && !keys[k] {
				other++
				continue
			}
			w.value(path+"."+k, member, depth+1)
		}
		if other > 0 {
			w.put(path+".(others)", seen{form: "members whose names are not known here"})
		}
	}
}

func (w *walk) list(path string, list []any, depth int) {
	if len(list) == 0 {
		w.put(path, seen{form: "empty list"})
		return
	}
	by, named := w.step.Named[path]
	for i, member := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if named {
			object, _ := member.(map[string]any)
			name, _ := object[by].(string)
			if w.learn {
				w.known[name] = true
			}
			if !w.known[name] {
				continue // more than is known here is no difference
			}
			at = path + "[" + name + "]"
		}
		w.value(at, member, depth+1)
	}
}

func (w *walk) number(path, text string) seen {
	if _, wanted := w.step.Want[path]; wanted && len(text) <= 3 {
		return seen{form: text}
	}
	if strings.ContainsAny(text, ".eE") {
		return seen{form: "decimal"}
	}
	return seen{form: "integer"}
}

// Members whose text is said to people: compared word for word, and shown as its length only.
var messages = []string{"message", "error_description", "faultstring", "exceptionMessage", "errorMessage"}

var codePattern = regexp.MustCompile(`^(?:sf:)?[A-Za-z]+(?:[_-][A-Za-z0-9]+)*$`)

func (w *walk) text(path, s string) seen {
	last := path[strings.LastIndexAny(path, ".")+1:]
	length := utf8.RuneCountInString(s)
	switch {
	case s == "":
		return seen{form: "empty text"}
	case slices.Contains(messages, last):
		return seen{form: "text", length: length, words: w.restore(s)}
	}
	restored := w.restore(s)
	if w.variable(restored) {
		return seen{form: restored}
	}
	if w.known[restored] || words[s] || codes[strings.TrimPrefix(s, "sf:")] {
		return seen{form: strconv.Quote(restored)}
	}
	switch {
	case salesforce.IsID(s) && hasDigit(s):
		if prefixes[s[:3]] {
			return seen{form: "id " + s[:3]}
		}
		return seen{form: "id"}
	case layoutOf(s) != "":
		return seen{form: "time " + layoutOf(s)}
	case isDate(s):
		return seen{form: "date"}
	case strings.HasPrefix(s, "https://"), strings.HasPrefix(s, "http://"), strings.HasPrefix(s, "/services/"):
		return w.address(s)
	case strings.Count(s, "@") == 1 && !strings.ContainsAny(s, " \n"):
		return seen{form: "e-mail", length: length}
	case (last == "errorCode" || last == "statusCode" || last == "error" || last == "faultcode" || last == "exceptionCode") && codePattern.MatchString(s):
		return seen{form: "code", length: length}
	}
	return seen{form: "text", length: length}
}

// restore puts the names of variables where their values are, the longest first.
func (o *observer) restore(s string) string {
	type variable struct{ name, value string }
	var all []variable
	for name, value := range o.vars {
		if len(value) < 6 { // too short to be certain, such as a version
			continue
		}
		all = append(all, variable{name, value})
		if len(value) == 18 && salesforce.IsID(value) {
			all = append(all, variable{name, value[:15]})
		}
	}
	slices.SortFunc(all, func(a, b variable) int {
		if len(a.value) != len(b.value) {
			return len(b.value) - len(a.value)
		}
		return strings.Compare(a.name, b.name)
	})
	for _, v := range all {
		s = strings.ReplaceAll(s, v.value, "{"+v.name+"}")
	}
	return s
}

// variable reports whether a text is the name of a variable in braces, and nothing else.
func (o *observer) variable(s string) bool {
	if len(s) < 3 || s[0] != '{' || s[len(s)-1] != '}' {
		return false
	}
	_, is := o.vars[s[1:len(s)-1]]
	return is
}

// address tells where an address leads without its host: each part that is no word of the
// platform becomes a star.
func (o *observer) address(s string) seen {
	rest, host := s, ""
	for _, scheme := range []string{"https://", "http://"} {
		if after, is := strings.CutPrefix(s, scheme); is {
			_, path, _ := strings.Cut(after, "/")
			rest, host = "/"+path, "{host}"
		}
	}
	rest, _, queried := strings.Cut(rest, "?")
	parts := strings.Split(rest, "/")
	for i, p := range parts {
		restored := o.restore(p)
		switch {
		case p == "" || words[p] || pathWords[p] || o.known[restored]:
			parts[i] = restored
		case o.variable(restored):
			parts[i] = restored
		case versionPattern.MatchString(p):
			parts[i] = "vN"
		default:
			parts[i] = "*"
		}
	}
	form := host + strings.Join(parts, "/")
	if queried {
		form += "?*"
	}
	return seen{form: "address " + form}
}

var versionPattern = regexp.MustCompile(`^v?[0-9]{1,3}\.[0-9]$`)

func hasDigit(s string) bool { return strings.ContainsAny(s, "0123456789") }

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// layouts of times, told apart because clients do.
var layouts = []string{"2006-01-02T15:04:05.000-0700", "2006-01-02T15:04:05.000Z", "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05.000"}

func layoutOf(s string) string {
	for _, l := range layouts {
		if len(s) < 19 || len(s) > 28 {
			break
		}
		if at, err := time.Parse(l, s); err == nil && (at.Format(l) == s) {
			return l
		}
	}
	return ""
}

// xml flattens the elements of an answer. Elements of one name are numbered from the second on.
func (w *walk) xml(body []byte) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	type open struct {
		path, text string
		kids       map[string]int
		leaf       bool
	}
	stack := []open{{kids: map[string]int{}}}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || len(stack) > maxDepth {
			w.put(".", seen{form: "no XML, though it says so"})
			return
		}
		switch t := token.(type) {
		case xml.StartElement:
			top := &stack[len(stack)-1]
			top.leaf = false
			name := t.Name.Local
			if w.learn {
				w.keys[name] = true
			}
			if !w.keys[name] && !keys[name] {
				w.put(top.path+".(others)", seen{form: "members whose names are not known here"})
				if dec.Skip() != nil {
					return
				}
				continue
			}
			path := top.path + "." + name
			if n := top.kids[name]; n > 0 {
				path = fmt.Sprintf("%s[%d]", path, n)
			}
			top.kids[name]++
			stack = append(stack, open{path: path, kids: map[string]int{}, leaf: true})
		case xml.CharData:
			stack[len(stack)-1].text += string(t)
		case xml.EndElement:
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if top.leaf {
				w.put(top.path, w.text(top.path, strings.TrimSpace(top.text)))
			}
		}
	}
}

// csv tells the columns of an answer and how many rows it has.
func (w *walk) csv(body []byte) {
	rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil || len(rows) == 0 {
		w.put(".", seen{form: "no CSV, though it says so"})
		return
	}
	for i, column := range rows[0] {
		form := "text"
		if w.known[column] || words[column] {
			form = strconv.Quote(column)
		}
		w.put(fmt.Sprintf(".columns[%d]", i), seen{form: form})
	}
	w.put(".rows", seen{form: strconv.Itoa(min(len(rows)-1, 999))})
}

// at returns the text of a member of an answer, and of a list all of them.
func at(body []byte, path string) []string {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	found := []any{v}
	for _, part := range strings.FieldsFunc(strings.ReplaceAll(path, "[", ".["), func(r rune) bool { return r == '.' }) {
		var next []any
		for _, v := range found {
			index, isIndex := strings.CutPrefix(part, "[")
			list, isList := v.([]any)
			object, _ := v.(map[string]any)
			switch n, err := strconv.Atoi(strings.TrimSuffix(index, "]")); {
			case isIndex && index == "*]":
				next = append(next, list...)
			case isIndex && isList && err == nil && n < len(list):
				next = append(next, list[n])
			case !isIndex && object[part] != nil:
				next = append(next, object[part])
			}
		}
		found = next
	}
	var texts []string
	for _, v := range found {
		switch v := v.(type) {
		case string:
			texts = append(texts, v)
		case json.Number:
			texts = append(texts, v.String())
		case bool:
			texts = append(texts, strconv.FormatBool(v))
		}
	}
	return texts
}
