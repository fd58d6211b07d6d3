package app

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/cordonhq/cordon"
)

// smallest is a configuration to which tests add one mistake.
const smallest = `data: data
keys: keys
tenants:
  - id: clinic
    hosts: [crm.example.org]
    upstream: https://example.my.salesforce.com
    crm: { client_id: app, client_secret_file: crm.secret }
`

func TestUnknownKeyIsNamedWithItsLine(t *testing.T) {
	for _, c := range []struct{ name, text, key, line string }{
		{"at the top", smallest + "retention: 30d\n", `"retention"`, "8 |"},
		{"inside a tenant", strings.Replace(smallest, "    upstream", "    polcy: p.yaml\n    upstream", 1), `"polcy"`, "6 |"},
		{"inside a route", smallest + "    routes:\n      - name: portal\n        when_hold: refuse\n", `"when_hold"`, "10 |"},
		{"inside an account", smallest + "accounts:\n  - login: a\n    password: in-clear\n", `"password"`, "10 |"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseConfig([]byte(c.text))
			if !errors.Is(err, cordon.ErrInvalid) || !strings.Contains(err.Error(), c.key) || !strings.Contains(err.Error(), c.line) {
				t.Errorf("got %v\nwant an error that names %s and shows line %s", err, c.key, c.line)
			}
		})
	}
	if _, err := ParseConfig([]byte(smallest)); err != nil {
		t.Errorf("without the mistake: %v", err)
	}
}

func TestAWrongTypeIsNamedWithItsLine(t *testing.T) {
	_, err := ParseConfig([]byte(smallest + "limits: { uploads: many }\n"))
	if !errors.Is(err, cordon.ErrInvalid) || !strings.Contains(err.Error(), "8 |") {
		t.Errorf("got %v, want an error that shows line 8", err)
	}
	// The library does not say where a duration stands, but it says which.
	_, err = ParseConfig([]byte(smallest + "inspect: { budget: soon }\n"))
	if !errors.Is(err, cordon.ErrInvalid) || !strings.Contains(err.Error(), `"soon"`) {
		t.Errorf("got %v, want an error that names the duration", err)
	}
}

func TestEveryBadValueIsReportedAtOnce(t *testing.T) {
	_, err := ParseConfig([]byte(`environment: staging
keys: keys
keep_passed: 48h
gateway: { cert: only.pem }
tenants:
  - id: clinic
    hosts: [crm.example.org]
    upstream: example.my.salesforce.com
    routes:
      - { name: unknown, match: [{ object: ContentVersion }] }
      - { name: portal, channel: fax, fail: pass, mode: event, not_inspected: pass-and-rescan, when_held: shrug, class: secret }
      - { name: odd, callback_url: "https://portal.example/x", match: [{ path: "[" }] }
  - id: clinic
    hosts: [crm.example.org]
    upstream: https://other.my.salesforce.com
    watermarks: [{ name: both, text: x, bits: "01" }, { name: ternary, bits: "012" }, { name: short, bits: "01" }]
accounts:
  - { login: a, tenant: clinc, roles: [boss], token_file: t }
`))
	if !errors.Is(err, cordon.ErrInvalid) {
		t.Fatalf("got %v, want ErrInvalid", err)
	}
	for _, want := range []string{
		`environment: "staging"`, "data: name a folder", "keep_passed: 48h0m0s", "gateway: cert and key",
		`upstream "example.my.salesforce.com"`, `route "unknown"`, "route portal: match:", `channel: "fax"`, `fail: "pass"`,
		`mode: "event"`, "not_inspected: pass-and-rescan needs", `when_held: "shrug"`, `class: "secret"`,
		`path "[" is no pattern`, "callback_url needs a callback_secret", `id "clinic" is there twice`,
		`host "crm.example.org" already leads to`, `tenant "clinc" is not declared`, `role "boss"`,
		`watermark "both": give its payload`, `watermark "ternary": bits are zeros`, "watermark both: a payload has 32 to 512 bits",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	if t.Failed() {
		t.Logf("the report:\n%v", err)
	}
}

func TestTheZeroValuesOfAConfigurationWork(t *testing.T) {
	c, err := ParseConfig([]byte(smallest + "    routes: [{ name: portal, match: [{ client: p }] }]\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := c.Tenants[0].Routes[0]
	if c.Environment != "production" || c.Gateway.Listen != ":8080" || c.Console.Listen != "127.0.0.1:8090" || c.Inspect.Budget != 10*time.Second {
		t.Errorf("defaults: %+v", c)
	}
	if r.Mode != cordon.ModeInline || r.Fail != cordon.FailHold || r.NotInspected != cordon.FailRefuse || r.WhenHeld != cordon.AnswerRefuse {
		t.Errorf("the defaults of a route let something through: %+v", r)
	}
}

func TestFilesAreRelativeToTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cordon.yaml")
	if err := os.WriteFile(file, []byte(smallest), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.path(c.Data); got != filepath.Join(dir, "data") {
		t.Errorf("data is looked for at %s", got)
	}
}

// The example is what people start from: it has every key that there is, and no other.
func TestTheExampleHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../docs/cordon.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseConfig(text); err != nil {
		t.Fatalf("the example is refused: %v", err)
	}
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	keysOf("", tree, there)
	wanted := map[string]bool{}
	keysIn("", reflect.TypeFor[Config](), wanted)
	delete(wanted, ".gateway.url") // links lead to the console
	for key := range wanted {
		if !there[key] {
			t.Errorf("docs/cordon.example.yaml lacks %s", key)
		}
	}
	if len(wanted) < 50 {
		t.Errorf("only %d keys were found in Config", len(wanted))
	}
}

// keysOf collects the paths of keys in a document; lists count as their elements.
func keysOf(at string, v any, out map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			out[at+"."+k] = true
			keysOf(at+"."+k, inner, out)
		}
	case []any:
		for _, inner := range v {
			keysOf(at, inner, out)
		}
	}
}

func keysIn(at string, t reflect.Type, out map[string]bool) {
	for t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for f := range t.Fields() {
		if key := f.Tag.Get("yaml"); key != "" {
			out[at+"."+key] = true
			keysIn(at+"."+key, f.Type, out)
		}
	}
}
