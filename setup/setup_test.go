package setup

import (
	"bytes"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/sim"
)

func init() { keyBits = 2048 } // the tests have no use for stronger keys

// read parses the configuration that was written.
func read(t *testing.T, dir string) app.Config {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "cordon.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	conf, err := app.ParseConfig(b)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return conf
}

func TestConfigurationIsReadBack(t *testing.T) {
	for name, a := range map[string]Answers{
		"jwt": {Org: "https://acme--uat.sandbox.my.salesforce.com", ClientID: "3MVG9.x_y", Username: "cordon@acme.example"},
		"client credentials": {Org: "acme.my.salesforce.com/lightning/page", Environment: Production, Auth: ClientCredentials,
			ClientID: "3MVG9", Access: Writes, Host: "crm.acme.example", Tenant: "clinic"},
		"later":           {Org: "HTTPS://Acme.my.salesforce.com"},
		"later, a secret": {Org: "https://acme.my.salesforce.com", Auth: ClientCredentials},
		"odd characters":  {Org: "https://acme.my.salesforce.com", ClientID: `a"b\c#:{}<&`, Username: `o'brien+"x"@acme.example`},
	} {
		t.Run(name, func(t *testing.T) {
			a.Dir = t.TempDir()
			if err := a.Complete(); err != nil {
				t.Fatal(err)
			}
			if _, err := Write(a, false); err != nil {
				t.Fatal(err)
			}
			conf := read(t, a.Dir)
			tenant := conf.Tenants[0]
			if conf.Environment != a.Environment || string(tenant.ID) != a.Tenant || tenant.Upstream != a.Org ||
				tenant.CRM.ClientID != a.ClientID || !slices.Equal(tenant.Hosts, []string{a.Host}) ||
				len(tenant.Routes) != 0 || len(conf.Accounts) != 0 || conf.Gateway.Listen != "127.0.0.1:8080" || conf.Console.Listen != "127.0.0.1:8090" {
				t.Errorf("%+v\nfrom %+v", conf, a)
			}
			if jwt := a.Auth == JWT; jwt != (tenant.CRM.PrivateKey == "keys/salesforce.key") || jwt == (tenant.CRM.ClientSecretFile == "keys/salesforce.secret") ||
				jwt && tenant.CRM.Username != a.Username {
				t.Errorf("identity %+v", tenant.CRM)
			}
			want := "https://login.salesforce.com"
			if a.Environment == Sandbox {
				want = "https://test.salesforce.com"
			}
			if tenant.CRM.Audience != want {
				t.Errorf("audience %s, want %s", tenant.CRM.Audience, want)
			}
			full, err := app.ReadConfig(filepath.Join(a.Dir, "cordon.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if d, err := full.Doctor(); err != nil || d.KeysApart(d.Keys, d.Data) != nil {
				t.Errorf("keys and data are not apart: %v", err)
			}
		})
	}
}

// The examples in comments are configuration as well, once somebody uncomments them.
func TestCommentedExamplesAreValid(t *testing.T) {
	a := Answers{Org: "https://acme.my.salesforce.com"}
	if err := a.Complete(); err != nil {
		t.Fatal(err)
	}
	var out []string
	for l := range strings.SplitSeq(string(a.configuration()), "\n") {
		if m := regexp.MustCompile(`^(\s*)# ((?:routes|accounts|  +-|  +[a-z_]+): .*|(?:routes|accounts):|  +- .*)$`).FindStringSubmatch(l); m != nil {
			l = m[1] + m[2]
		}
		out = append(out, l)
	}
	conf, err := app.ParseConfig([]byte(strings.Join(out, "\n")))
	if err != nil || len(conf.Tenants[0].Routes) != 1 || conf.Tenants[0].Routes[0].Mode != cordon.ModeShadow || len(conf.Accounts) != 1 {
		t.Errorf("%v\n%s", err, strings.Join(out, "\n"))
	}
}

func TestKeyAndCertificateBelongTogether(t *testing.T) {
	a := Answers{Org: "https://acme.my.salesforce.com", Dir: t.TempDir()}
	if _, err := Write(a, false); err != nil {
		t.Fatal(err)
	}
	key, cert := filepath.Join(a.Dir, keyFile), filepath.Join(a.Dir, certFile)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature); err != nil {
		t.Error(err)
	}
	for path, mode := range map[string]fs.FileMode{key: 0o600, cert: 0o644, filepath.Dir(key): fs.ModeDir | 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, mode)
		}
	}

	// An org that has the certificate lets Cordon in with the key.
	conf := sim.Demo()
	conf.Clients[0].Key = leaf.PublicKey.(*rsa.PublicKey)
	org := sim.NewOrg(conf)
	server := httptest.NewServer(org.Handler())
	t.Cleanup(func() { server.Close(); org.Close() })
	address, _ := url.Parse(server.URL)
	c, err := salesforce.NewClient(salesforce.Config{Org: address, ClientID: "demo", KeyFile: key, Username: "demo@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SignIn(t.Context()); err != nil {
		t.Error(err)
	}
}

// No file but the key holds a secret.
func TestNoSecretLeavesTheKeyFile(t *testing.T) {
	a := Answers{Org: "https://acme.my.salesforce.com", Dir: t.TempDir()}
	if _, err := Write(a, false); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(a.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if has := bytes.Contains(b, []byte("PRIVATE KEY")); has != strings.HasSuffix(path, keyFile) {
			t.Errorf("%s: holds a key: %v", path, has)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	a := Answers{Org: "https://acme.my.salesforce.com", Dir: t.TempDir()}
	if _, err := Write(a, false); err != nil {
		t.Fatal(err)
	}
	snapshot := func() map[string]string {
		out := map[string]string{}
		_ = filepath.WalkDir(a.Dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				b, _ := os.ReadFile(path)
				out[strings.TrimPrefix(path, a.Dir+"/")] = string(b)
			}
			return err
		})
		return out
	}
	before := snapshot()
	other := a
	other.Org, other.Access = "https://other.my.salesforce.com", Writes
	if _, err := Write(other, false); !errors.Is(err, cordon.ErrConflict) || !strings.Contains(err.Error(), "cordon.yaml") || !strings.Contains(err.Error(), "--force") {
		t.Errorf("a second init: %v", err)
	}
	if after := snapshot(); len(after) != len(before) || after["cordon.yaml"] != before["cordon.yaml"] {
		t.Errorf("a refused init changed something: %d files, then %d", len(before), len(after))
	}
	files, err := Write(other, true)
	if err != nil {
		t.Fatal(err)
	}
	after := snapshot()
	if after["cordon.yaml"] == before["cordon.yaml"] || after[keyFile] != before[keyFile] || after[certFile] != before[certFile] {
		t.Error("--force replaces the configuration and keeps the key")
	}
	if !slices.ContainsFunc(files, func(w Written) bool { return w.Kept && strings.HasSuffix(w.Path, keyFile) }) {
		t.Errorf("nothing says that the key was kept: %+v", files)
	}

	// One file of somebody else's is enough to stop.
	b := Answers{Org: a.Org, Dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(b.Dir, "cordon.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(b, false); !errors.Is(err, cordon.ErrConflict) {
		t.Errorf("%v", err)
	}
	if entries, _ := os.ReadDir(b.Dir); len(entries) != 1 {
		t.Errorf("something was written all the same: %v", entries)
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"https://Acme.my.salesforce.com/":                  "https://acme.my.salesforce.com",
		"acme.my.salesforce.com":                           "https://acme.my.salesforce.com",
		" https://acme.my.salesforce.com/x?y#z ":           "https://acme.my.salesforce.com",
		"http://127.0.0.1:8082":                            "http://127.0.0.1:8082",
		"http://localhost:8082":                            "http://localhost:8082",
		"http://acme.my.salesforce.com":                    "",
		"ftp://acme.my.salesforce.com":                     "",
		"https://login.salesforce.com":                     "",
		"https://test.salesforce.com":                      "",
		"https://acme.lightning.force.com/lightning/setup": "",
		"https://user:secret@acme.my.salesforce.com":       "",
		"": "", "https://": "", "https://%zz": "",
	} {
		u, err := orgAddress(in)
		if got := ""; err == nil {
			if got = u.String(); got != want {
				t.Errorf("%q: %q, want %q", in, got, want)
			}
		} else if want != "" || !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%q: %v", in, err)
		}
	}
	if _, err := orgAddress("https://acme.lightning.force.com"); err == nil || !strings.Contains(err.Error(), "https://acme.my.salesforce.com") {
		t.Errorf("the user interface's address: %v", err)
	}
}

func TestAnswersThatCannotBeMeant(t *testing.T) {
	for name, a := range map[string]Answers{
		"environment": {Environment: "staging"}, "auth": {Auth: "password"}, "access": {Access: "admin"},
		"client id": {ClientID: "a b"}, "user": {Username: "a\nb"}, "host": {Host: "a b"}, "tenant": {Tenant: "a.b"},
	} {
		a.Org = "https://acme.my.salesforce.com"
		if err := a.Complete(); !errors.Is(err, cordon.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAsk(t *testing.T) {
	var out bytes.Buffer
	var a Answers
	in := "nonsense here\n\nacme--uat.sandbox.my.salesforce.com\n\npassword\njwt\n3MVG9\n\nwrite\n"
	if err := Ask(strings.NewReader(in), &out, &a); err != nil {
		t.Fatal(err)
	}
	want := Answers{Org: "acme--uat.sandbox.my.salesforce.com", Environment: Sandbox, Auth: JWT, ClientID: "3MVG9", Access: Writes}
	if a != want {
		t.Errorf("%+v\nwant %+v\n%s", a, want, &out)
	}
	for _, shown := range []string{"[sandbox]", "[jwt]", "[read]", `"password" is not one of jwt, client-credentials`} {
		if !strings.Contains(out.String(), shown) {
			t.Errorf("not shown: %s in\n%s", shown, &out)
		}
	}

	// What flags have said is not asked again.
	out.Reset()
	a = Answers{Org: "https://acme.my.salesforce.com", Environment: Production, Auth: ClientCredentials, ClientID: "x", Access: Reads}
	if a.Missing() {
		t.Error("something is missing")
	}
	if err := Ask(strings.NewReader(""), &out, &a); err != nil || out.Len() != 0 {
		t.Errorf("asked: %q, %v", &out, err)
	}
	// Input that ends leaves the rest to the defaults.
	a = Answers{}
	if err := Ask(strings.NewReader("acme.my.salesforce.com\n"), io.Discard, &a); err != nil || a.Complete() != nil || a.Auth != JWT {
		t.Errorf("%+v, %v", a, err)
	}
}

// permissionSet is what the org reads of one.
type permissionSet struct {
	XMLName xml.Name
	Label   string `xml:"label"`
	Active  *bool  `xml:"hasActivationRequired"`
	Fields  []struct {
		Field    string `xml:"field"`
		Editable bool   `xml:"editable"`
	} `xml:"fieldPermissions"`
	Objects []struct {
		Object string `xml:"object"`
		Create bool   `xml:"allowCreate"`
		Edit   bool   `xml:"allowEdit"`
		Delete bool   `xml:"allowDelete"`
		Modify bool   `xml:"modifyAllRecords"`
	} `xml:"objectPermissions"`
	Users []struct {
		Name    string `xml:"name"`
		Enabled bool   `xml:"enabled"`
	} `xml:"userPermissions"`
}

func TestPermissionSetGrantsTheLeast(t *testing.T) {
	for access, want := range map[string]struct{ objects, fields int }{Reads: {0, 0}, Writes: {2, 1}} {
		text := Answers{Access: access}.permissionSet()
		var p permissionSet
		if err := xml.Unmarshal(text, &p); err != nil {
			t.Fatal(err)
		}
		if p.XMLName.Space != "http://soap.sforce.com/2006/04/metadata" || p.XMLName.Local != "PermissionSet" || p.Label != "Cordon" || p.Active == nil || *p.Active {
			t.Errorf("%s: %+v", access, p)
		}
		var users []string
		for _, u := range p.Users {
			users = append(users, u.Name)
			if !u.Enabled {
				t.Errorf("%s: %s is off", access, u.Name)
			}
		}
		if !slices.Equal(users, []string{"ApiEnabled", "QueryAllFiles", "ViewAllData", "ViewSetup"}) {
			t.Errorf("%s: %v", access, users)
		}
		if len(p.Objects) != want.objects || len(p.Fields) != want.fields {
			t.Errorf("%s: objects %v, fields %v", access, p.Objects, p.Fields)
		}
		for _, o := range p.Objects {
			if o.Delete || o.Modify {
				t.Errorf("%s: %s may be deleted", access, o.Object)
			}
		}
		// Each permission has its reason right before it.
		blocks := regexp.MustCompile(`(?m)^    <(\w+Permissions|hasActivationRequired)>`).FindAllIndex(text, -1)
		for _, b := range blocks {
			if !bytes.HasSuffix(bytes.TrimSpace(text[:b[0]]), []byte("-->")) {
				t.Errorf("%s: no reason before %s", access, text[b[0]:b[1]+40])
			}
		}
		if len(blocks) != 1+4+want.objects+want.fields {
			t.Errorf("%s: %d blocks", access, len(blocks))
		}
	}
}

// The sf command takes the first element of a file for its kind, and a comment before it for
// that element.
func TestMetadataBeginsWithItsElement(t *testing.T) {
	for want, text := range map[string][]byte{"PermissionSet": Answers{Access: Writes}.permissionSet(), "CustomField": keyField()} {
		d := xml.NewDecoder(bytes.NewReader(text))
		first := ""
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			switch token := token.(type) {
			case xml.Comment:
				if first == "" {
					t.Errorf("%s: a comment comes first", want)
				}
			case xml.StartElement:
				if first == "" {
					first = token.Name.Local
				}
			}
		}
		if first != want {
			t.Errorf("first element %s, want %s", first, want)
		}
	}
	var p struct {
		PackageDirectories []struct{ Path string }
		SourceAPIVersion   string
	}
	if err := json.Unmarshal(project(), &p); err != nil || len(p.PackageDirectories) != 1 || p.PackageDirectories[0].Path != "cordon" || p.SourceAPIVersion != salesforce.DefaultVersion {
		t.Errorf("project: %+v, %v", p, err)
	}
}

func TestGuide(t *testing.T) {
	guide := func(a Answers) string {
		t.Helper()
		if err := a.Complete(); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := a.Guide(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	dir := filepath.Join(t.TempDir(), "it's here")
	jwt := guide(Answers{Org: "https://acme.my.salesforce.com", Dir: dir, Access: Writes})
	secret := guide(Answers{Org: "https://acme.my.salesforce.com", Dir: dir, Auth: ClientCredentials, ClientID: "x", Username: "cordon@acme.example"})
	for _, c := range []struct {
		text      string
		has, lack []string
	}{
		{jwt, []string{"sf project deploy start --source-dir cordon", "--dry-run", "refresh_token, offline_access", "salesforce.crt", "Login IP Ranges",
			"pre-authorized", "as client_id into", "as username into", "--probe-direct", `'\''`, "CORDON-USER"}, []string{"salesforce.secret"}},
		{secret, []string{"client credentials", "salesforce.secret", "umask 077", "--on-behalf-of cordon@acme.example", "cordon doctor --config"},
			[]string{"salesforce.crt", "refresh_token", "as client_id into", "--probe-direct"}},
	} {
		for _, s := range c.has {
			if !strings.Contains(c.text, s) {
				t.Errorf("no %q in\n%s", s, c.text)
			}
		}
		for _, s := range c.lack {
			if strings.Contains(c.text, s) {
				t.Errorf("%q in\n%s", s, c.text)
			}
		}
	}
}
