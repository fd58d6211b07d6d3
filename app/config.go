// Package app wires the parts into a running gateway: one Config, one New, Start and Stop,
// used alike by "cordon serve", "cordon demo" and the tests.
package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/internal/pace"
	"github.com/cordonhq/cordon/media/sandbox"
)

// Config is the configuration file, in YAML. Unknown keys are refused with their line.
// Secrets are never in the file itself but in files that it names. Relative paths are
// relative to the configuration file.
type Config struct {
	// Environment is shown on every page: production, sandbox or demo. Default: production.
	Environment string `yaml:"environment"`
	// Data is the folder for records (SQLite), bytes and ledger tiles.
	Data string `yaml:"data"`
	// Keys is the folder of the master key and the ledger's signing keys. It must not lie
	// inside Data: a copy of the data folder alone must be unreadable.
	Keys string `yaml:"keys"`
	// Database selects PostgreSQL. Default: SQLite in Data.
	Database DatabaseConfig `yaml:"database"`
	// Gateway is the listener in front of the CRM.
	Gateway ListenConfig `yaml:"gateway"`
	// Console is the listener of the console and the API. It is another origin than the gateway.
	Console ListenConfig `yaml:"console"`
	// Metrics is a listener of its own that shows /metrics of all tenants to whoever reaches it.
	// Without it /metrics on the console's address shows nothing of a tenant without a token.
	Metrics MetricsConfig `yaml:"metrics"`
	// SessionLife is how long a sign-in to the console lasts. Default: 10h.
	SessionLife time.Duration `yaml:"session_life"`
	// Tenants are the organisations under protection. At least one.
	Tenants []TenantConfig `yaml:"tenants"`
	// Accounts may sign in to the console and use the API.
	Accounts []account.Config `yaml:"accounts"`
	// Inspect bounds the inspection of one item.
	Inspect InspectConfig `yaml:"inspect"`
	// ONNXRuntime runs models in this process.
	ONNXRuntime ONNXConfig `yaml:"onnxruntime"`
	// Limits bounds what callers may send.
	Limits LimitsConfig `yaml:"limits"`
	// Sandbox says how far foreign decoders must be locked down, and what one may take.
	Sandbox sandbox.Config `yaml:"sandbox"`
	// KeepPassed is how long the bytes of passed items stay after delivery is confirmed, at
	// most 24h. Default: 0, destroyed at once.
	KeepPassed time.Duration `yaml:"keep_passed"`

	// SettleAfter is how long judging one upload and writing it to the CRM may take. An upload
	// that is in mid-move for longer counts as left behind by a process that died, and is
	// settled by looking into the CRM; with SQLite that happens at every start. Default: 15m.
	SettleAfter time.Duration `yaml:"settle_after"`

	// RepeatWithin is for how long after it came a held upload answers, with its receipt, the same
	// request sent again: same caller, same record, same fields, same bytes. Later, and whatever
	// differs in any of these, is an upload of its own. A request with an Idempotency-Key is
	// known by that alone, for 24 hours. Default: 1h.
	RepeatWithin time.Duration `yaml:"repeat_within"`

	dir string // of the configuration file
}

// DatabaseConfig names a PostgreSQL database. Each role has its own login, so that the one
// which faces the network can neither change the ledger nor see another tenant's rows. Give
// passwords by "passfile=…" in the addresses or by PGPASSFILE, not here. See docs/postgresql.md.
type DatabaseConfig struct {
	// URL is the application's login. The environment variable DATABASE_URL beats it.
	URL string `yaml:"url"`
	// OwnerURL is the login that migrates; DATABASE_OWNER_URL beats it.
	OwnerURL string `yaml:"owner_url"`
	// WorkerURL is the login that works the job queue. Default: URL.
	WorkerURL string `yaml:"worker_url"`
	// SequencerURL is the login that orders the ledger. Default: URL.
	SequencerURL string `yaml:"sequencer_url"`
}

// ListenConfig is one listener.
type ListenConfig struct {
	// Listen is host:port. Default: :8080 for the gateway, 127.0.0.1:8090 for the console.
	// The flags --listen and --console-listen beat it, and PORT beats the gateway's.
	Listen string `yaml:"listen"`
	// TLSListen, if set, is a second address, served over TLS with Cert and Key.
	TLSListen string `yaml:"tls_listen"`
	// Cert and Key are PEM files.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// URL is how people and programs reach the console from outside. Signed verdicts name it as
	// their issuer. Default: http://Listen. The gateway needs none.
	URL string `yaml:"url"`
	// TrustProxy says that the listener is reached only through a proxy that ends TLS and sets
	// X-Forwarded-For, whose last address is then taken for the caller's, and X-Forwarded-Proto, by
	// which the gateway knows how its clients reach it. Default: false, and neither is believed.
	TrustProxy bool `yaml:"trust_proxy"`
}

// MetricsConfig is the listener for monitoring.
type MetricsConfig struct {
	// Listen is host:port, for example 127.0.0.1:9090. It takes no token: let only your
	// monitoring reach it. Default: none.
	Listen string `yaml:"listen"`
}

// TenantConfig is one organisation under protection.
type TenantConfig struct {
	// ID is a short name of letters, digits, '-' and '_'. It is part of every record and of the
	// ledger's name: it never changes.
	ID cordon.TenantID `yaml:"id"`
	// Hosts are the host names, without port, by which callers reach the gateway for this tenant.
	// A request for any other host gets 421.
	Hosts []string `yaml:"hosts"`
	// Upstream is the org's address, for example https://example.my.salesforce.com.
	Upstream string `yaml:"upstream"`
	// CRM is Cordon's own identity in the org.
	CRM CRMConfig `yaml:"crm"`
	// Policy is a policy file. Default: the built-in policy, see docs/policy.md.
	Policy string `yaml:"policy"`
	// TrustAnchors and TSAAnchors are PEM files against which content credentials and their
	// time stamps are checked: lists of Trust with one version. Default: none, so no signer is trusted.
	TrustAnchors string `yaml:"trust_anchors"`
	TSAAnchors   string `yaml:"tsa_anchors"`
	// Partners are those whose signatures on documents count. Default: signatures are checked,
	// and who signed is not.
	Partners PartnersConfig `yaml:"partners"`
	// Trust names dated versions of trust lists, and certificates that you do not accept. They
	// count beside TrustAnchors and TSAAnchors.
	Trust TrustConfig `yaml:"trust"`
	// Routes are the declared ways in; the first that matches applies. What matches none is
	// held as route "unknown".
	Routes []cordon.Route `yaml:"routes"`
	// Watermarks are the invisible marks that you put into pictures yourselves. They are
	// reported as your own and say nothing about how a picture was made. Default: none.
	Watermarks []WatermarkConfig `yaml:"watermarks"`
	// Poll is how often Cordon looks for files that came past the gateway, for example 1m. They
	// are looked at and stay where they are. A look costs four API calls, one for each new
	// file, and a few a day besides; the first starts at what is newest then. Default: 0, never.
	Poll time.Duration `yaml:"poll"`
	// Sites are further host names of the org, such as the domain of its portal. Links that
	// people report may point there; those of the platform are known from Upstream.
	Sites []string `yaml:"sites"`
	// Integrations are users whose files count as coming by the API and not by a person at the
	// CRM's pages, by user name or id. Users of whom the org says that they can only use the API
	// ("API Only User") count so anyway. Default: only those.
	Integrations []string `yaml:"integrations"`
	// Coverage counts, by the org's own lists, how much of what the org gains was examined.
	Coverage CoverageConfig `yaml:"coverage"`
	// Events says whether Cordon asks the org to tell it of new files as they come, so that it
	// need not wait for the next poll: auto, where the org offers change events for files and
	// Cordon's user may subscribe to them, or off. Polling goes on beside them and counts what
	// they missed; without poll there are none. Default: auto.
	Events string `yaml:"events"`
	// PubSubAddress is host:port of Salesforce's Pub/Sub API, or http://host:port in the clear
	// for a simulator on this machine. Default: api.pubsub.salesforce.com:7443; none where
	// upstream is an http address.
	PubSubAddress string `yaml:"pubsub_address"`
	// CallbackSecret is a file with the key that signs callbacks of this tenant's routes:
	// "whsec_" and base64 of 24 to 64 bytes. Needed where a route has a callback_url.
	CallbackSecret string `yaml:"callback_secret"`
	// AllowLoopbackCallbacks permits callback addresses on this machine, for trying things out.
	AllowLoopbackCallbacks bool `yaml:"allow_loopback_callbacks"`
}

// WatermarkConfig is an invisible mark as the library invisible-watermark makes it. Marks of the
// method rivaGan are read by a model, see onnxruntime.
type WatermarkConfig struct {
	// Name is short and stands in findings.
	Name string `yaml:"name"`
	// Says ends the sentence "The picture carries the invisible mark of …". Default: the name.
	Says string `yaml:"says"`
	// Method is dwtDct, dwtDctSvd or rivaGan. Default: dwtDct.
	Method string `yaml:"method"`
	// Text is the payload as text, or Bits as zeros and ones: 32 to 512 bits, for rivaGan 32.
	Text string `yaml:"text"`
	Bits string `yaml:"bits"`
}

// CoverageConfig says how coverage is counted and when it raises the alarm. A count costs three
// API calls for each day that is counted, and one more for each 2 000 files of a day.
type CoverageConfig struct {
	// Every is how often what the org gained today is counted. The day before is counted for
	// good 20 minutes after midnight in UTC. Default: 1h.
	Every time.Duration `yaml:"every"`
	// Floor is the share of a day's files that must have been examined, from 0 to 1; a day with
	// less raises the alarm. Files of kinds that no check covers count as not examined, so an
	// org with many of them needs a lower one. -1 sets none. Default: 0.9.
	Floor float64 `yaml:"floor"`
	// Fall is how far a day's share may lie under the median of the seven days before, from 0
	// to 1; more raises the alarm. Default: 0.05.
	Fall float64 `yaml:"fall"`
	// Off counts nothing: coverage is then unknown.
	Off bool `yaml:"off"`
}

// CRMConfig is Cordon's own connected app: client credentials, or JWT bearer when
// PrivateKey is set.
type CRMConfig struct {
	// ClientID is the connected app's consumer key.
	ClientID string `yaml:"client_id"`
	// ClientSecretFile holds the consumer secret, for client credentials.
	ClientSecretFile string `yaml:"client_secret_file"`
	// PrivateKey is a PEM file with the RSA key of the app's certificate, for JWT bearer.
	PrivateKey string `yaml:"private_key"`
	// Username is the integration user, for JWT bearer.
	Username string `yaml:"username"`
	// Audience of the JWT. Default: https://login.salesforce.com.
	Audience string `yaml:"audience"`
	// APIVersion, for example "64.0". Default: 64.0.
	APIVersion string `yaml:"api_version"`
}

// InspectConfig bounds inspection.
type InspectConfig struct {
	// Budget is the time all detectors have together, counted from admission. Default: 10s.
	Budget time.Duration `yaml:"budget"`
	// SkipPixels leaves pictures undecoded in front of the CRM, which makes uploads several
	// times faster: invisible marks are then found in the other lanes only. Default: false.
	SkipPixels bool `yaml:"skip_pixels"`
	// LateWithin is how long after it was passed on a file may wait for what takes too long while
	// its sender waits, such as a search for invisible marks in pictures that were cut out of
	// larger ones; its bytes stay until then, at most 23h. What is then found becomes a proposal
	// to take the file out. -1s: nothing is looked at late. Default: 1h.
	LateWithin time.Duration `yaml:"late_within"`
	// Costs are the prices of detectors that cost, so that a backfill can say beforehand what
	// it will cost. Default: none costs.
	Costs []CostConfig `yaml:"costs"`
	// Alike says how files are compared with those before them.
	Alike AlikeConfig `yaml:"alike"`
}

// AlikeConfig says how files are compared with those before them. What comes of it is context: it
// can have a file listed, and never holds one. See docs/known-files.md.
type AlikeConfig struct {
	// Off compares nothing, and keeps nothing to be compared with. Default: false.
	Off bool `yaml:"off"`
	// Days is how far back files are compared. Default: 30.
	Days int `yaml:"days"`
	// Items is with how many files at most, the latest, for each tenant; some 300 bytes of
	// memory each. Default: 100000.
	Items int `yaml:"items"`
	// Burst is how many files that look the same are many, if they come within BurstWithin.
	// Defaults: 10 within 1h.
	Burst int `yaml:"burst"`
	// BurstWithin is the time that belongs to Burst.
	BurstWithin time.Duration `yaml:"burst_within"`
}

// ONNXConfig is ONNX Runtime in this process, for programs built with "-tags onnx". Without it,
// or without a file named here, Cordon runs and says what is not looked for.
type ONNXConfig struct {
	// Library is the file libonnxruntime.so.1. Default: what ONNXRUNTIME_LIB names.
	Library string `yaml:"library"`
	// RivaGAN is the model that reads the marks that tenants declare with the method rivaGan.
	// Default: none, and they are not looked for.
	RivaGAN string `yaml:"rivagan"`
}

// LimitsConfig bounds what callers may send. Zero values mean the platform's own limits.
type LimitsConfig struct {
	// Uploads is how many uploads may run at once; more get a native 503. Bodies that are still
	// arriving do not count; of those there may be four times as many. Half of the room is set
	// apart for the tenants in equal shares, and no caller has more than half of it. Default: 256.
	Uploads int `yaml:"uploads"`
	// CallerUploadsPerMinute is how many uploads one caller may start in a minute, and at
	// once; more get a native REQUEST_LIMIT_EXCEEDED. Default: 0, no limit.
	CallerUploadsPerMinute int `yaml:"caller_uploads_per_minute"`
	// ContentVersionBytes and OtherBytes bound one file. Default: 2 GB and 500 MB.
	ContentVersionBytes int64 `yaml:"content_version_bytes"`
	OtherBytes          int64 `yaml:"other_bytes"`
	// JSONBytes bounds a record with its file as JSON, in bytes of text. Default: 50 MiB, as the platform.
	JSONBytes int64 `yaml:"json_bytes"`
	// FieldsBytes bounds the fields of a record beside its file. Default: 1 MiB.
	FieldsBytes int `yaml:"fields_bytes"`
	// CheckedBytes bounds a body that is looked through for files, such as a composite request;
	// longer ones count as not inspected. Eight of this size are held in memory at once. Default: 8 MiB.
	CheckedBytes int64 `yaml:"checked_bytes"`
	// CSVBytes bounds the rows of a Bulk job. Default: 150 MiB, as the platform.
	CSVBytes int64 `yaml:"csv_bytes"`
	// AskBytes bounds a file sent to POST /v1/items. Default: 500 MiB.
	AskBytes int64 `yaml:"ask_bytes"`
	// BodyBytesPerSecond is the least rate at which the body of a request must come, on the
	// whole, at every listener. A sender may fall 30 seconds behind it, and pause for as long;
	// one who is slower is answered 408. Default: 1024, which slow mobile lines reach.
	BodyBytesPerSecond int64 `yaml:"body_bytes_per_second"`
	// BodyWithin is how long a body may take in all. Default: 1h.
	BodyWithin time.Duration `yaml:"body_within"`
}

func (l LimitsConfig) bodies() pace.Limits {
	return pace.Limits{Rate: l.BodyBytesPerSecond, Within: l.BodyWithin}
}

// ReadConfig reads and checks a configuration file.
func ReadConfig(file string) (Config, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration (name it with --config; \"cordon init\" writes a first one): %w", err)
	}
	c, err := ParseConfig(b)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", file, err)
	}
	c.dir = filepath.Dir(file)
	return c, nil
}

// ParseConfig reads configuration text. It fills defaults and checks what can be checked
// without opening anything.
func ParseConfig(b []byte) (Config, error) {
	var c Config
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("%w: %s", cordon.ErrInvalid, yaml.FormatError(err, false, true))
	}
	c.FillDefaults()
	return c, c.Check()
}

// FillDefaults sets what was left out. ParseConfig calls it.
func (c *Config) FillDefaults() {
	fill(&c.Environment, "production")
	fill(&c.Gateway.Listen, ":8080")
	fill(&c.Console.Listen, "127.0.0.1:8090")
	for i := range c.Tenants {
		t := &c.Tenants[i]
		fill(&t.Events, "auto")
		fill(&t.CRM.APIVersion, "64.0")
		fill(&t.CRM.Audience, "https://login.salesforce.com")
		t.Coverage.fillDefaults()
		for j := range t.Routes {
			r := &t.Routes[j]
			fill(&r.Channel, cordon.ChannelAPI)
			fill(&r.Mode, cordon.ModeInline)
			fill(&r.Fail, cordon.FailHold)
			fill(&r.NotInspected, cordon.FailRefuse)
			fill(&r.WhenHeld, cordon.AnswerRefuse)
			fill(&r.Class, cordon.ClassOther)
		}
	}
	if c.RepeatWithin == 0 {
		c.RepeatWithin = time.Hour
	}
	if c.SettleAfter == 0 {
		c.SettleAfter = 15 * time.Minute
	}
	if c.Inspect.Budget == 0 {
		c.Inspect.Budget = 10 * time.Second
	}
	if c.Limits.Uploads == 0 {
		c.Limits.Uploads = 256
	}
	if c.Limits.AskBytes == 0 {
		c.Limits.AskBytes = 500 << 20
	}
}

func fill[T ~string](field *T, value T) {
	if *field == "" {
		*field = value
	}
}

var shortName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// Check reports everything that is wrong, not only the first.
func (c Config) Check() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: "+format, append([]any{cordon.ErrInvalid}, args...)...))
	}
	if c.Data == "" {
		bad("data: name a folder for records and bytes")
	}
	if c.Keys == "" {
		bad("keys: name a folder for keys, outside the data folder")
	}
	for _, limit := range []struct {
		key string
		n   int64
	}{{"limits: json_bytes", c.Limits.JSONBytes}, {"limits: fields_bytes", int64(c.Limits.FieldsBytes)},
		{"limits: checked_bytes", c.Limits.CheckedBytes}, {"limits: csv_bytes", c.Limits.CSVBytes}, {"session_life", int64(c.SessionLife)}} {
		if limit.n < 0 {
			bad("%s: %d is negative", limit.key, limit.n)
		}
	}
	if c.Limits.BodyBytesPerSecond < 0 || c.Limits.BodyWithin < 0 {
		bad("limits: body_bytes_per_second and body_within must not be negative")
	}
	if c.Limits.CallerUploadsPerMinute < 0 {
		bad("limits: caller_uploads_per_minute: %d is negative", c.Limits.CallerUploadsPerMinute)
	}
	if len(c.Tenants) == 0 {
		bad("tenants: declare at least one")
	}
	if c.KeepPassed < 0 || c.KeepPassed > 24*time.Hour {
		bad("keep_passed: %s is not between 0 and 24h", c.KeepPassed)
	}
	if c.Inspect.LateWithin > 23*time.Hour {
		bad("inspect: late_within: %s is more than 23h", c.Inspect.LateWithin)
	}
	c.Inspect.checkCosts(bad)
	if err := c.Sandbox.Check(); err != nil {
		bad("sandbox: %v", err)
	}
	oneOf(bad, "environment", c.Environment, "production", "sandbox", "demo")
	for name, l := range map[string]ListenConfig{"gateway": c.Gateway, "console": c.Console} {
		if (l.Cert == "") != (l.Key == "") {
			bad("%s: cert and key belong together", name)
		}
	}
	hosts, ids := map[string]cordon.TenantID{}, map[cordon.TenantID]bool{}
	for _, t := range c.Tenants {
		if ids[t.ID] {
			bad("tenants: id %q is there twice", t.ID)
		}
		ids[t.ID] = true
		if !shortName.MatchString(string(t.ID)) {
			bad("tenants: id %q is not a short name of letters, digits, '-' and '_'", t.ID)
		}
		if len(t.Hosts) == 0 {
			bad("tenant %s: hosts: name at least one host", t.ID)
		}
		for _, h := range t.Hosts {
			if other, taken := hosts[h]; taken {
				bad("tenant %s: host %q already leads to tenant %s", t.ID, h, other)
			}
			hosts[h] = t.ID
		}
		if u, err := url.Parse(t.Upstream); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			bad("tenant %s: upstream %q is not an http or https address", t.ID, t.Upstream)
		}
		for _, w := range t.Watermarks {
			switch {
			case (w.Text == "") == (w.Bits == ""):
				bad("tenant %s: watermark %q: give its payload as text or as bits", t.ID, w.Name)
			case strings.Trim(w.Bits, "01") != "":
				bad("tenant %s: watermark %q: bits are zeros and ones", t.ID, w.Name)
			}
		}
		if _, err := watermark.New(watermark.Config{Own: payloads(t.Watermarks)}); err != nil {
			bad("tenant %s: %v", t.ID, err)
		}
		t.Coverage.check(func(format string, args ...any) {
			bad("tenant %s: coverage: "+format, append([]any{t.ID}, args...)...)
		})
		checkEvents(t, bad)
		names := map[string]bool{}
		for _, r := range t.Routes {
			if !shortName.MatchString(r.Name) || r.Name == "unknown" || names[r.Name] {
				bad("tenant %s: route %q: names are unique short names of letters, digits, '-' and '_', and not \"unknown\"", t.ID, r.Name)
			}
			names[r.Name] = true
			if len(r.Match) == 0 {
				bad("tenant %s: route %s: match: give at least one rule, or the route never applies", t.ID, r.Name)
			}
			badRoute := func(format string, args ...any) {
				bad("tenant %s: route %s: "+format, append([]any{t.ID, r.Name}, args...)...)
			}
			checkWords(r, badRoute)
			for _, m := range r.Match {
				if _, err := path.Match(m.Path, ""); err != nil {
					badRoute("match: path %q is no pattern", m.Path)
				}
			}
			if r.CallbackURL != "" && t.CallbackSecret == "" {
				badRoute("callback_url needs a callback_secret of the tenant")
			}
		}
	}
	for _, a := range c.Accounts {
		if !ids[a.Tenant] {
			bad("account %q: tenant %q is not declared under tenants", a.Login, a.Tenant)
		}
		for _, r := range a.Roles {
			if !slices.Contains(account.Roles(), r) {
				bad("account %q: role %q is none of %v", a.Login, r, account.Roles())
			}
		}
	}
	return errors.Join(errs...)
}

func checkWords(r cordon.Route, bad func(string, ...any)) {
	oneOf(bad, "channel", r.Channel, cordon.ChannelPortal, cordon.ChannelTelehealth, cordon.ChannelSync, cordon.ChannelAPI,
		cordon.ChannelBulk, cordon.ChannelProvisioning, cordon.ChannelEmail, cordon.ChannelAppointment, cordon.ChannelBackfill)
	oneOf(bad, "mode", r.Mode, cordon.ModeInline, cordon.ModeShadow)
	oneOf(bad, "fail", r.Fail, cordon.FailHold, cordon.FailPassAndRescan, cordon.FailRefuse)
	oneOf(bad, "not_inspected", r.NotInspected, cordon.FailRefuse, cordon.FailPassAndRescan)
	oneOf(bad, "when_held", r.WhenHeld, cordon.AnswerRefuse, cordon.AnswerStage)
	oneOf(bad, "class", r.Class, cordon.ClassIdentity, cordon.ClassClinicalImage, cordon.ClassClinicalDocument,
		cordon.ClassRecording, cordon.ClassConsent, cordon.ClassOther)
	if r.NotInspected == cordon.FailPassAndRescan {
		bad("not_inspected: pass-and-rescan needs a lane that looks again at what passed, and this release's polling starts too late to promise that; use refuse")
	}
	if r.CallbackURL != "" {
		if u, err := url.Parse(r.CallbackURL); err != nil || u.Host == "" {
			bad("callback_url: %q is not an address", r.CallbackURL)
		}
	}
}

func oneOf[T ~string](bad func(string, ...any), field string, got T, allowed ...T) {
	for _, a := range allowed {
		if got == a {
			return
		}
	}
	bad("%s: %q is not one of %v", field, got, allowed)
}

// path resolves a file named in the configuration.
func (c Config) path(p string) string {
	if p == "" || filepath.IsAbs(p) || c.dir == "" {
		return p
	}
	return filepath.Join(c.dir, p)
}
