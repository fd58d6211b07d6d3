package doctor_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/doctor"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// place is an org and a machine to examine.
type place struct {
	*testing.T
	org    *sim.Org
	server *httptest.Server
	conf   doctor.Config
	dir    string
}

// observer is the user that the permission set for looking on makes.
var observer = sim.Profile{Name: "Cordon", Default: sim.Access{Read: true}, ViewAllData: true, QueryAllFiles: true}

// licensed is an org that has all that can be had.
func licensed() sim.Config {
	conf := sim.Demo()
	conf.ChangeEvents = []string{"ContentVersion", "ContentDocumentLink"}
	conf.EventLogFiles = []string{"Login", "ContentTransfer"}
	return conf
}

func newPlace(t *testing.T, conf sim.Config) *place {
	t.Helper()
	p := &place{T: t, org: sim.NewOrg(conf), dir: t.TempDir()}
	p.server = httptest.NewServer(p.org.Handler())
	t.Cleanup(func() { p.server.Close(); p.org.Close() })
	address, err := url.Parse(p.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	data, keys := filepath.Join(p.dir, "data"), filepath.Join(p.dir, "keys")
	for _, dir := range []string{data, keys} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	p.conf = doctor.Config{
		Environment: "sandbox", Data: data, Keys: keys,
		KeysApart: func(keys, data string) error { return nil },
		Records:   doctor.Records{Name: "the database", Ready: func(context.Context) (string, error) { return "opened", nil }},
		Gateway:   doctor.Door{Listen: "127.0.0.1:8080"}, Console: doctor.Door{Listen: "127.0.0.1:8090"},
		Orgs: []doctor.Org{{Tenant: "clinic", Identity: salesforce.Config{
			Org: address, Version: "64.0", ClientID: "demo", SecretFile: p.file("keys/salesforce.secret", "demo", 0o600)}}},
		Free: func(string) (uint64, error) { return 100 << 30, nil },
	}
	return p
}

// file writes a file below the place's folder.
func (p *place) file(name, text string, mode os.FileMode) string {
	p.Helper()
	path := filepath.Join(p.dir, name)
	if err := errors.Join(os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
		p.Fatal(err)
	}
	return path
}

func (p *place) identity() *salesforce.Config { return &p.conf.Orgs[0].Identity }

func (p *place) run() doctor.Report {
	p.Helper()
	r := doctor.Run(p.Context(), p.conf)
	for _, l := range r.Lines {
		if l.Says == "" || l.Evidence == "" || l.State != doctor.OK && l.Do == "" || l.Needed && l.State != doctor.Missing {
			p.Errorf("a line without its reason, or its way out: %+v", l)
		}
	}
	return r
}

// expect wants exactly the one line of each check, in the state; checks that are not named
// may say anything.
func (p *place) expect(r doctor.Report, want map[string]doctor.State) {
	p.Helper()
	for check, state := range want {
		if l := line(p.T, r, check); l.State != state {
			p.Errorf("%s is %s, want %s: %s (%s)", check, l.State, state, l.Says, l.Evidence)
		}
	}
}

func line(t *testing.T, r doctor.Report, check string) doctor.Line {
	t.Helper()
	var found []doctor.Line
	for _, l := range r.Lines {
		if l.Check == check {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d lines of %s in %+v", len(found), check, r.Lines)
	}
	return found[0]
}

func TestAllIsThere(t *testing.T) {
	p := newPlace(t, licensed())
	p.file("keys/backup.json", fmt.Sprintf(`{"at":%q,"to":"safe"}`, time.Now().Add(time.Hour).Format(time.RFC3339)), 0o600)
	r := p.run()
	if !r.Ready {
		t.Errorf("not ready: %+v", r)
	}
	for _, l := range r.Lines {
		want := doctor.OK
		switch l.Check {
		case "tls":
			want = doctor.Warning // the simulator speaks plain HTTP
		case "direct-path":
			want = doctor.Unknown // it was not asked for
		}
		if l.State != want {
			t.Errorf("%s is %s: %s (%s)", l.Check, l.State, l.Says, l.Evidence)
		}
	}
	if n := r.Counts[doctor.OK]; n != len(r.Lines)-2 {
		t.Errorf("%d ok of %d lines", n, len(r.Lines))
	}
}

// It reads, and only reads.
func TestNothingIsWritten(t *testing.T) {
	p := newPlace(t, licensed())
	p.conf.ProbeDirect, p.conf.DirectToken = true, p.org.Token("responder@example.com")
	p.run()
	for _, l := range p.org.Log() {
		if l.Method != http.MethodGet && l.Path != "/services/oauth2/token" {
			t.Errorf("%s %s", l.Method, l.Path)
		}
	}
	if got := p.org.Files(); len(got) != 0 {
		t.Errorf("files: %v", got)
	}
	for _, dir := range []string{p.conf.Data, p.conf.Keys} {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 1 {
			t.Errorf("%s: %v, %v", dir, entries, err)
		}
	}
}

func TestWhatIsNotLicensed(t *testing.T) {
	p := newPlace(t, sim.Demo())
	r := p.run()
	p.expect(r, map[string]doctor.State{
		"events ContentVersion": doctor.Missing, "events ContentDocumentLink": doctor.Missing, "event-log-files": doctor.Missing})
	if !r.Ready {
		t.Error("Cordon does without what must be bought")
	}

	// The object alone proves nothing: most orgs have it.
	conf := sim.Demo()
	conf.EventLogFiles = []string{"Login"}
	p = newPlace(t, conf)
	p.expect(p.run(), map[string]doctor.State{"event-log-files": doctor.Unknown})
}

func TestWithoutThePackage(t *testing.T) {
	conf := sim.Demo()
	conf.CordonPackage = false
	p := newPlace(t, conf)
	r := p.run()
	p.expect(r, map[string]doctor.State{"package": doctor.Missing})
	if !r.Ready {
		t.Error("the package is not needed")
	}
}

func TestPermissions(t *testing.T) {
	writes := []string{"write ContentVersion", "write Attachment", "write Document"}
	for name, c := range map[string]struct {
		profile sim.Profile
		inline  bool
		want    map[string]doctor.State
		ready   bool
	}{
		"looking on": {observer, false, map[string]doctor.State{
			"query-all-files": doctor.OK, "least-privilege": doctor.OK, "read ContentVersion": doctor.OK, "write ContentVersion": doctor.Missing}, true},
		"in front without rights to write": {observer, true, map[string]doctor.State{
			writes[0]: doctor.Missing, writes[1]: doctor.Missing, writes[2]: doctor.Missing}, false},
		"an administrator": {sim.Profile{Name: "Admin", Default: sim.Full, ViewAllData: true, ModifyAllData: true, QueryAllFiles: true}, true, map[string]doctor.State{
			"least-privilege": doctor.Warning, writes[0]: doctor.OK, writes[1]: doctor.OK, writes[2]: doctor.OK}, true},
		"own files only": {sim.Profile{Name: "Own", Default: sim.Full, ViewAllData: true}, false, map[string]doctor.State{
			"query-all-files": doctor.Missing}, true},
		"no attachments": {sim.Profile{Name: "No attachments", Default: sim.Access{Read: true}, ViewAllData: true, QueryAllFiles: true,
			Objects: map[string]sim.Access{"Attachment": {}}}, false, map[string]doctor.State{
			"read Attachment": doctor.Missing, "write Attachment": doctor.Missing, "read ContentVersion": doctor.OK}, false},
		"no e-mails": {sim.Profile{Name: "No e-mails", Default: sim.Access{Read: true}, ViewAllData: true, QueryAllFiles: true,
			Objects: map[string]sim.Access{"EmailMessage": {}}}, false, map[string]doctor.State{"read EmailMessage": doctor.Missing}, true},
		"create but not read": {sim.Profile{Name: "Blind", Default: sim.Access{Read: true}, ViewAllData: true, QueryAllFiles: true,
			Objects: map[string]sim.Access{"ContentVersion": {Create: true}}}, false, map[string]doctor.State{"read ContentVersion": doctor.Missing}, false},
		// Where the org does not say what the caller may do, a probe stands in.
		"probe: all files": {sim.Profile{Name: "P1", Default: sim.Access{Read: true}, ViewAllData: true, QueryAllFiles: true,
			Objects: map[string]sim.Access{"UserPermissionAccess": {}}}, false, map[string]doctor.State{
			"query-all-files": doctor.OK, "least-privilege": doctor.Unknown}, true},
		"probe: own files": {sim.Profile{Name: "P2", Default: sim.Access{Read: true}, ViewAllData: true,
			Objects: map[string]sim.Access{"UserPermissionAccess": {}}}, false, map[string]doctor.State{"query-all-files": doctor.Missing}, true},
		"probe: no links": {sim.Profile{Name: "P3", Default: sim.Access{Read: true}, ViewAllData: true,
			Objects: map[string]sim.Access{"UserPermissionAccess": {}, "ContentDocumentLink": {}}}, false, map[string]doctor.State{
			"query-all-files": doctor.Unknown, "read ContentDocumentLink": doctor.Missing}, false},
	} {
		t.Run(name, func(t *testing.T) {
			conf := licensed()
			conf.Users[0].Profile = c.profile
			p := newPlace(t, conf)
			p.conf.Orgs[0].Inline = c.inline
			r := p.run()
			p.expect(r, c.want)
			if r.Ready != c.ready {
				t.Errorf("ready: %v", r.Ready)
			}
		})
	}
}

func TestSignInThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(*place)
		says   string
	}{
		"no client id":      {func(p *place) { p.identity().ClientID = "" }, "not complete"},
		"no secret file":    {func(p *place) { p.identity().SecretFile = filepath.Join(p.dir, "nowhere") }, "not complete"},
		"wrong secret":      {func(p *place) { p.file("keys/salesforce.secret", "hunter-two", 0o600) }, "does not let Cordon in"},
		"unknown client":    {func(p *place) { p.identity().ClientID = "nobody" }, "does not let Cordon in"},
		"org out of order":  {func(p *place) { p.org.Fail(sim.Fault{Path: "/services/oauth2/token", Times: -1}) }, "does not let Cordon in"},
		"key without owner": {func(p *place) { p.identity().KeyFile, p.identity().SecretFile = newKey(p), "" }, "not complete"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, licensed())
			c.breaks(p)
			r := p.run()
			p.expect(r, map[string]doctor.State{"sign-in": doctor.Missing, "identity": doctor.Unknown, "query-all-files": doctor.Unknown,
				"read ContentVersion": doctor.Unknown, "write Document": doctor.Unknown, "package": doctor.Unknown,
				"events ContentVersion": doctor.Unknown, "event-log-files": doctor.Unknown, "api-budget": doctor.Unknown, "storage-files": doctor.Unknown})
			if l := line(t, r, "sign-in"); r.Ready || !strings.Contains(l.Says, c.says) {
				t.Errorf("ready %v, %q", r.Ready, l.Says)
			}
			text := show(t, r)
			for _, secret := range []string{"hunter-two", "PRIVATE KEY"} {
				if strings.Contains(text, secret) {
					t.Errorf("the report shows %q", secret)
				}
			}
		})
	}
}

// newKey writes an RSA key as PEM and returns its path.
func newKey(p *place) string {
	p.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		p.Fatal(err)
	}
	return p.file("keys/app.key", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})), 0o600)
}

func TestJWTBearerAndTheClock(t *testing.T) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	conf := licensed()
	conf.Clients[0].Key = &k.PublicKey
	p := newPlace(t, conf)
	id := p.identity()
	id.SecretFile, id.Username = "", "demo@example.com"
	id.KeyFile = p.file("keys/app.key", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})), 0o644)
	r := p.run()
	p.expect(r, map[string]doctor.State{"sign-in": doctor.OK, "clock": doctor.OK, "secret-file": doctor.Warning})

	for _, c := range []struct {
		off  time.Duration
		want doctor.State
	}{{2 * time.Second, doctor.OK}, {-30 * time.Second, doctor.Warning}, {10 * time.Minute, doctor.Missing}} {
		p.conf.Clock = func() time.Time { return time.Now().Add(c.off) }
		p.expect(p.run(), map[string]doctor.State{"clock": c.want})
	}
	// A secret does not care for the time.
	id.KeyFile, id.SecretFile = "", p.file("keys/salesforce.secret", "demo", 0o600)
	p.expect(p.run(), map[string]doctor.State{"clock": doctor.Warning})
}

func TestReach(t *testing.T) {
	t.Run("nobody there", func(t *testing.T) {
		p := newPlace(t, licensed())
		p.server.Close()
		r := p.run()
		p.expect(r, map[string]doctor.State{"reach": doctor.Missing, "tls": doctor.Unknown, "clock": doctor.Unknown, "api-version": doctor.Unknown,
			"sign-in": doctor.Unknown, "identity": doctor.Unknown})
		if r.Ready {
			t.Error("ready")
		}
	})
	t.Run("not an org", func(t *testing.T) {
		p := newPlace(t, licensed())
		other := httptest.NewServer(http.NotFoundHandler())
		t.Cleanup(other.Close)
		p.identity().Org, _ = url.Parse(other.URL)
		p.expect(p.run(), map[string]doctor.State{"reach": doctor.Warning, "api-version": doctor.Unknown, "sign-in": doctor.Missing})
	})
	t.Run("version", func(t *testing.T) {
		p := newPlace(t, licensed())
		p.identity().Version = "20.0"
		r := p.run()
		p.expect(r, map[string]doctor.State{"api-version": doctor.Missing})
		if r.Ready {
			t.Error("ready")
		}
	})
	t.Run("TLS", func(t *testing.T) {
		p := newPlace(t, licensed())
		server := httptest.NewTLSServer(p.org.Handler())
		t.Cleanup(server.Close)
		p.identity().Org, _ = url.Parse(server.URL)
		p.expect(p.run(), map[string]doctor.State{"reach": doctor.Missing}) // a certificate that nobody here trusts
		p.conf.HTTP, p.identity().HTTP = server.Client(), server.Client()
		r := p.run()
		p.expect(r, map[string]doctor.State{"tls": doctor.OK, "sign-in": doctor.OK})
		if e := line(t, r, "tls").Evidence; !strings.Contains(e, "TLS 1.3") || !strings.Contains(e, "valid until") {
			t.Errorf("evidence: %s", e)
		}
	})
	t.Run("plain HTTP to elsewhere", func(t *testing.T) {
		p := newPlace(t, licensed())
		to := p.server.Listener.Addr().String()
		p.identity().Org, _ = url.Parse("http://org.example.com")
		p.conf.HTTP = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", to)
		}}}
		p.identity().HTTP = p.conf.HTTP
		p.conf.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", to)
		}
		r := p.run()
		p.expect(r, map[string]doctor.State{"reach": doctor.OK, "tls": doctor.Missing, "egress org.example.com:80": doctor.OK})
		if r.Ready {
			t.Error("ready")
		}
	})
}

func TestEnvironment(t *testing.T) {
	p := newPlace(t, licensed())
	p.conf.Environment = "production"
	p.expect(p.run(), map[string]doctor.State{"environment": doctor.Warning})
}

func TestBudgets(t *testing.T) {
	conf := licensed()
	conf.APILimit = 1000
	conf.StorageLimit = 100 << 20
	p := newPlace(t, conf)
	r := p.run()
	p.expect(r, map[string]doctor.State{"api-budget": doctor.OK, "storage-files": doctor.OK, "storage-data": doctor.OK})
	if l := line(t, r, "api-budget"); !strings.Contains(l.Says, "of 1 000 calls a day") || !strings.Contains(l.Says, "10 % is 100") {
		t.Errorf("%q", l.Says)
	}
	p.conf.APIShare = 0.999
	p.expect(p.run(), map[string]doctor.State{"api-budget": doctor.Warning})

	if _, _, err := p.org.Upload("large.bin", make([]byte, 95<<20)); err != nil {
		t.Fatal(err)
	}
	p.expect(p.run(), map[string]doctor.State{"storage-files": doctor.Warning})

	p.org.Fail(sim.Fault{Path: "/services/data/*/limits", Times: -1, Status: 403})
	p.expect(p.run(), map[string]doctor.State{"api-budget": doctor.Unknown, "storage-files": doctor.Unknown, "storage-data": doctor.Unknown})
}

// No call left: the limits cannot even be asked for.
func TestNoCallLeft(t *testing.T) {
	conf := licensed()
	conf.APILimit = 3
	p := newPlace(t, conf)
	p.run()
	r := p.run()
	p.expect(r, map[string]doctor.State{"sign-in": doctor.OK, "read ContentVersion": doctor.Unknown, "api-budget": doctor.Unknown})
}

func TestOrgThatFailsHalfway(t *testing.T) {
	p := newPlace(t, licensed())
	p.org.Fail(sim.Fault{Path: "/services/data/v64.0/", Times: -1, Status: 500})
	p.expect(p.run(), map[string]doctor.State{"sign-in": doctor.OK, "environment": doctor.Unknown, "query-all-files": doctor.Unknown,
		"read ContentVersion": doctor.Unknown, "write ContentVersion": doctor.Unknown, "package": doctor.Unknown,
		"events ContentVersion": doctor.Unknown, "event-log-files": doctor.Unknown, "storage-data": doctor.Unknown})
}

func TestDirectPath(t *testing.T) {
	p := newPlace(t, licensed())
	calls := func() (n int) {
		for _, l := range p.org.Log() {
			if l.User == "responder@example.com" {
				n++
			}
		}
		return n
	}
	token := p.org.Token("responder@example.com")
	p.conf.DirectToken = token
	p.expect(p.run(), map[string]doctor.State{"direct-path": doctor.Unknown})
	if calls() != 0 {
		t.Error("it was tried without being asked for")
	}
	p.conf.ProbeDirect = true
	r := p.run()
	p.expect(r, map[string]doctor.State{"direct-path": doctor.Warning})
	if calls() != 1 {
		t.Errorf("%d calls with the caller's token", calls())
	}
	if strings.Contains(show(t, r), token) {
		t.Error("the report shows the token")
	}
	p.conf.DirectToken = "not a session"
	p.expect(p.run(), map[string]doctor.State{"direct-path": doctor.OK})
	p.conf.DirectToken = ""
	p.expect(p.run(), map[string]doctor.State{"direct-path": doctor.Unknown})
	p.server.Close()
	p.expect(p.run(), map[string]doctor.State{"direct-path": doctor.OK})
}

func TestEgress(t *testing.T) {
	p := newPlace(t, licensed())
	p.conf.Destinations = []doctor.Destination{
		{URL: "https://portal.example.com/cordon", For: "callbacks"},
		{URL: "db.example.com:5432", For: "the database", Needed: true},
		{URL: "https://portal.example.com/other", For: "the same place again"},
	}
	closed := map[string]bool{"portal.example.com:443": true}
	p.conf.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
		if closed[address] {
			return nil, errors.New("refused")
		}
		a, _ := net.Pipe()
		return a, nil
	}
	r := p.run()
	p.expect(r, map[string]doctor.State{"egress portal.example.com:443": doctor.Missing, "egress db.example.com:5432": doctor.OK})
	if !r.Ready || len(r.Egress) != 3 || r.Egress[0].Address != p.server.Listener.Addr().String() || r.Egress[1].State != doctor.Missing {
		t.Errorf("ready %v, egress %+v", r.Ready, r.Egress)
	}
	closed["db.example.com:5432"] = true
	if r := p.run(); r.Ready {
		t.Error("ready without its database")
	}
}

func TestRecords(t *testing.T) {
	p := newPlace(t, licensed())
	for _, c := range []struct {
		err   error
		want  doctor.State
		ready bool
	}{
		{nil, doctor.OK, true},
		{fmt.Errorf("cordon.db: %w", cordon.ErrNotFound), doctor.Unknown, true},
		{errors.New("the tables are older than this program"), doctor.Missing, false},
	} {
		p.conf.Records.Ready = func(context.Context) (string, error) { return "opened", c.err }
		r := p.run()
		p.expect(r, map[string]doctor.State{"database": c.want})
		if r.Ready != c.ready {
			t.Errorf("%v: ready %v", c.err, r.Ready)
		}
	}
	p.conf.Records.Ready = nil
	p.expect(p.run(), map[string]doctor.State{"database": doctor.Unknown})
}

// show is the report in both forms.
func show(t *testing.T, r doctor.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := errors.Join(r.Text(&b), r.JSON(&b)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReportForms(t *testing.T) {
	p := newPlace(t, licensed())
	p.file("keys/salesforce.secret", "wrong", 0o600)
	r := p.run()
	var text, doc bytes.Buffer
	if err := errors.Join(r.Text(&text), r.JSON(&doc)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Org of clinic\n", "\nHere\n", "  missing  sign-in", "because: ", "to do: ", "Missing and needed: clinic: sign-in.\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	var got struct {
		Schema int
		Ready  *bool
		Counts map[string]int
		Lines  []map[string]any
		Egress []map[string]any
	}
	if err := json.Unmarshal(doc.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != 1 || got.Ready == nil || *got.Ready || len(got.Lines) != len(r.Lines) || len(got.Counts) != 4 || len(got.Egress) != 1 {
		t.Errorf("document: %s", &doc)
	}
	for _, key := range []string{"tenant", "check", "state", "needed", "says", "evidence", "do"} {
		if _, has := got.Lines[0][key]; !has {
			t.Errorf("a line has no %q", key)
		}
	}
	var empty bytes.Buffer
	if err := (doctor.Run(t.Context(), doctor.Config{Gateway: p.conf.Gateway, Console: p.conf.Console})).JSON(&empty); err != nil || strings.Contains(empty.String(), "null") {
		t.Errorf("an array is null: %s, %v", &empty, err)
	}
}
