// Package demo shows the whole line on one machine: a simulated Salesforce org, the gateway
// in front of it, the console, and sample traffic from several routes with made media.
//
// Everything listens on loopback, since the passwords are public. Sample media are made at
// start, labelled as made, and signed with keys that exist only while the demo runs.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/salesforce/sim"
	"github.com/cordonhq/cordon/samples"
)

// Config of a demo. The zero value listens on 127.0.0.1:8080 and the three ports after it,
// and keeps its data in a temporary folder that goes with it.
type Config struct {
	// Listen is the gateway's address; console, simulator and TLS gateway take the next
	// ports. Port 0: all random.
	Listen string
	// Data is a folder that stays; "" is a temporary one.
	Data string
	// Out gets the addresses and what happened.
	Out io.Writer
	Log *slog.Logger
}

// tenant is the demo's only organisation.
const tenant = cordon.TenantID("clinic")

// maxFile is how large one file may be here, so that "too large" can be shown without
// sending two gigabytes.
const maxFile = 24 << 20

// ErrSurprise means that a sample met another fate than expected.
var ErrSurprise = errors.New("a sample met another fate than expected")

// Demo is a running demo.
type Demo struct {
	out    io.Writer
	org    *sim.Org
	crm    *http.Server
	app    *app.App
	temp   string // to be removed, or ""
	token  account.Token
	set    *samples.Set
	urls   struct{ gateway, console, salesforce, gatewayTLS string }
	caseID string // the Case the samples belong to
	ca     string // file with the authority of the TLS gateway
}

// Start starts all parts and prints their addresses.
func Start(ctx context.Context, conf Config) (d *Demo, err error) {
	d = &Demo{out: conf.Out, token: account.NewToken()}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Stop(context.WithoutCancel(ctx)))
		}
	}()
	addrs, err := addresses(conf.Listen)
	if err != nil {
		return d, err
	}
	dir := conf.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "cordon-demo-"); err != nil {
			return d, err
		}
		d.temp = dir
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return d, fmt.Errorf("make the folder %q: %w", dir, err)
	}
	if d.set, err = samples.New(uint64(time.Now().UnixNano())); err != nil {
		return d, fmt.Errorf("make the sample media: %w", err)
	}
	secret, err := d.startOrg(addrs[2])
	if err != nil {
		return d, err
	}
	tlsConf, ca, err := app.LoopbackTLS()
	if err != nil {
		return d, err
	}
	secretFile := filepath.Join(dir, "crm.secret")
	if err := os.WriteFile(secretFile, []byte(secret), 0o600); err != nil {
		return d, err
	}
	ac := configuration(dir, addrs, d.urls.salesforce)
	ac.Tenants[0].CRM.ClientSecretFile = secretFile
	d.app, err = app.New(ctx, ac, app.Options{
		Log: conf.Log, GatewayTLS: tlsConf,
		TrustAnchors: map[cordon.TenantID][]byte{tenant: d.set.Anchors},
		Accounts:     accounts(d.token),
	})
	if err != nil {
		return d, err
	}
	if err := d.app.Start(ctx); err != nil {
		return d, err
	}
	d.urls.gateway, d.urls.console, d.urls.gatewayTLS = d.app.GatewayURL(), d.app.ConsoleURL(), d.app.GatewayTLSURL()
	d.ca = filepath.Join(dir, "demo-ca.pem")
	if err := os.WriteFile(d.ca, ca, 0o644); err != nil {
		return d, err
	}
	fmt.Fprintf(d.out, "gateway  %s\nconsole  %s\nsalesforce  %s\ngateway-tls  %s\n", d.urls.gateway, d.urls.console, d.urls.salesforce, d.urls.gatewayTLS)
	return d, nil
}

// startOrg starts the simulator and returns the secret of Cordon's own connected app, which
// exists only for this run.
func (d *Demo) startOrg(addr string) (secret string, err error) {
	secret = string(account.NewToken())
	conf := sim.Demo()
	own := sim.Access{Create: true, Read: true, Edit: true, ViewAll: true, ModifyAll: true}
	conf.Users = append(conf.Users, sim.User{Username: "cordon@example.com", Password: secret, FirstName: "Cordon", LastName: "Service",
		Profile: sim.Profile{Name: "Cordon", Default: own, ViewAllData: true, QueryAllFiles: true}})
	conf.Clients = append(conf.Clients, sim.Client{ID: "cordon", Secret: secret, RunAs: "cordon@example.com"})
	for _, r := range sampleClients {
		conf.Clients = append(conf.Clients, sim.Client{ID: r, Secret: "demo", RunAs: "demo@example.com"})
	}
	conf.Control = true
	d.org = sim.NewOrg(conf)
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listen on %s (is another demo running? try --listen 127.0.0.1:0): %w", addr, err)
	}
	d.urls.salesforce = "http://" + ln.Addr().String()
	d.crm = &http.Server{Handler: d.org.Handler(), ReadHeaderTimeout: 20 * time.Second}
	go d.crm.Serve(ln)
	return secret, nil
}

// addresses are those of gateway, console, simulator and TLS gateway.
func addresses(listen string) ([4]string, error) {
	var out [4]string
	if listen == "" {
		listen = "127.0.0.1:8080"
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return out, fmt.Errorf("--listen %q is not an address like 127.0.0.1:8080: %w", listen, err)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return out, fmt.Errorf("--listen %q can be reached from other machines, and the demo's passwords are public; use 127.0.0.1", listen)
	}
	first, err := strconv.ParseUint(port, 10, 16)
	if err != nil || first > 65532 {
		return out, fmt.Errorf("--listen %q: the port is a number up to 65532", listen)
	}
	for i := range out {
		n := first
		if first != 0 {
			n += uint64(i)
		}
		out[i] = net.JoinHostPort(host, strconv.FormatUint(n, 10))
	}
	return out, nil
}

func configuration(dir string, addrs [4]string, upstream string) app.Config {
	conf := app.Config{
		Environment: "demo",
		Data:        filepath.Join(dir, "data"),
		Keys:        filepath.Join(dir, "keys"),
		Gateway:     app.ListenConfig{Listen: addrs[0], TLSListen: addrs[3]},
		Console:     app.ListenConfig{Listen: addrs[1]},
		Limits:      app.LimitsConfig{ContentVersionBytes: maxFile, OtherBytes: maxFile},
		Tenants: []app.TenantConfig{{
			ID: tenant, Hosts: []string{"127.0.0.1", "localhost", "::1"}, Upstream: upstream,
			CRM:    app.CRMConfig{ClientID: "cordon"},
			Routes: routes(),
			// The platform's own figures do not matter here, and nobody waits an hour for a number.
			Coverage: app.CoverageConfig{Every: 20 * time.Second},
		}},
	}
	conf.FillDefaults()
	return conf
}

// sampleClients are the OAuth clients of the declared routes; secrets are "demo".
var sampleClients = []string{"portal", "lab-sync", "onboarding", "telehealth"}

func routes() []cordon.Route {
	return []cordon.Route{
		{Name: "portal", Channel: cordon.ChannelPortal, Owner: "web team", Flow: "support", Match: []cordon.Match{{Client: "portal"}}},
		{Name: "lab-sync", Channel: cordon.ChannelSync, Owner: "integration team", Flow: "results", Class: cordon.ClassClinicalDocument, Match: []cordon.Match{{Client: "lab-sync"}}},
		{Name: "onboarding", Channel: cordon.ChannelProvisioning, Owner: "identity team", Flow: "onboarding", Class: cordon.ClassIdentity, Match: []cordon.Match{{Client: "onboarding"}}},
		{Name: "telehealth", Channel: cordon.ChannelTelehealth, Owner: "telehealth team", Flow: "visits", Class: cordon.ClassClinicalImage, Match: []cordon.Match{{Client: "telehealth"}}},
		{Name: "api", Channel: cordon.ChannelAPI, Owner: "integration team", Flow: "partner data", Match: []cordon.Match{{}}},
	}
}

func accounts(token account.Token) []account.Static {
	return []account.Static{
		{Login: "demo@example.com", Tenant: tenant, Roles: []account.Role{account.Integration}, Password: "demo"},
		{Login: "responder@example.com", Tenant: tenant, Roles: []account.Role{account.Reviewer, account.Responder, account.Integration}, Password: "demo", Token: string(token)},
		{Login: "admin@example.com", Tenant: tenant, Roles: []account.Role{account.Admin, account.Reviewer, account.Auditor}, Password: "demo"},
	}
}

// Failed delivers an error when a part ends by itself.
func (d *Demo) Failed() <-chan error { return d.app.Failed() }

// Stop ends all parts and removes what was temporary.
func (d *Demo) Stop(ctx context.Context) error {
	var errs []error
	if d.app != nil {
		errs = append(errs, d.app.Stop(ctx))
	}
	if d.crm != nil {
		errs = append(errs, d.crm.Close())
	}
	if d.org != nil {
		errs = append(errs, d.org.Close())
	}
	if d.temp != "" {
		errs = append(errs, os.RemoveAll(d.temp))
	}
	return errors.Join(errs...)
}
