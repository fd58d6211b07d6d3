package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cordonhq/cordon/doctor"
)

// certificate writes a certificate for crm.example.org and its key, and returns their paths.
func certificate(p *place, from, to time.Time) (cert, key string) {
	p.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, DNSNames: []string{"crm.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		p.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		p.Fatal(err)
	}
	return p.file("tls.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644),
		p.file("tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})), 0o600)
}

// The certificate that lies beside the key says how long the org takes the key.
func TestCertificateBesideTheKey(t *testing.T) {
	now, day := time.Now(), 24*time.Hour
	for name, c := range map[string]struct {
		beside func(p *place) (key string)
		want   doctor.State
	}{
		"none": {func(p *place) string { return newKey(p) }, doctor.Unknown},
		"good": {func(p *place) string { return besideKey(p, now.Add(100*day)) }, doctor.OK},
		"soon": {func(p *place) string { return besideKey(p, now.Add(10*day)) }, doctor.Warning},
		"over": {func(p *place) string { return besideKey(p, now.Add(-day)) }, doctor.Missing},
		"of another key": {func(p *place) string {
			besideKey(p, now.Add(100*day))
			return newKey(p)
		}, doctor.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, licensed())
			id := p.identity()
			id.SecretFile, id.Username, id.KeyFile = "", "demo@example.com", c.beside(p)
			p.expect(p.run(), map[string]doctor.State{"certificate": c.want, "sign-in": doctor.Missing})
		})
	}
}

// besideKey writes an RSA key and its certificate, and returns the key's path.
func besideKey(p *place, until time.Time) string {
	p.Helper()
	path := newKey(p)
	text, err := os.ReadFile(path)
	if err != nil {
		p.Fatal(err)
	}
	block, _ := pem.Decode(text)
	k, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		p.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.AddDate(-1, 0, 0), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		p.Fatal(err)
	}
	p.file("keys/app.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644)
	return path
}

func TestDoors(t *testing.T) {
	now := time.Now()
	year := 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		door func(*place) doctor.Door
		want doctor.State
	}{
		"this machine only": {func(p *place) doctor.Door { return doctor.Door{Listen: "127.0.0.1:8080"} }, doctor.OK},
		"plain for all":     {func(p *place) doctor.Door { return doctor.Door{Listen: ":8080"} }, doctor.Unknown},
		"no address":        {func(p *place) doctor.Door { return doctor.Door{Listen: "8080"} }, doctor.Missing},
		"no certificate":    {func(p *place) doctor.Door { return doctor.Door{TLSListen: ":8443", Cert: "nowhere", Key: "nowhere"} }, doctor.Missing},
		"good": {func(p *place) doctor.Door {
			cert, key := certificate(p, now.Add(-time.Hour), now.Add(year))
			return doctor.Door{TLSListen: ":8443", Cert: cert, Key: key, Hosts: []string{"crm.example.org"}}
		}, doctor.OK},
		"other name": {func(p *place) doctor.Door {
			cert, key := certificate(p, now.Add(-time.Hour), now.Add(year))
			return doctor.Door{TLSListen: ":8443", Cert: cert, Key: key, Hosts: []string{"crm.example.org", "crm.example.com"}}
		}, doctor.Missing},
		"over": {func(p *place) doctor.Door {
			cert, key := certificate(p, now.Add(-year), now.Add(-time.Hour))
			return doctor.Door{TLSListen: ":8443", Cert: cert, Key: key}
		}, doctor.Missing},
		"soon over": {func(p *place) doctor.Door {
			cert, key := certificate(p, now.Add(-year), now.Add(10*24*time.Hour))
			return doctor.Door{TLSListen: ":8443", Cert: cert, Key: key}
		}, doctor.Warning},
		"open key": {func(p *place) doctor.Door {
			cert, key := certificate(p, now.Add(-time.Hour), now.Add(year))
			if err := os.Chmod(key, 0o644); err != nil {
				p.Fatal(err)
			}
			return doctor.Door{TLSListen: ":8443", Cert: cert, Key: key}
		}, doctor.Warning},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, licensed())
			p.conf.Orgs = nil
			p.conf.Gateway = c.door(p)
			r := p.run()
			p.expect(r, map[string]doctor.State{"gateway-tls": c.want, "console-tls": doctor.OK})
			if r.Ready == (c.want == doctor.Missing) {
				t.Errorf("ready: %v", r.Ready)
			}
		})
	}
	p := newPlace(t, licensed())
	p.conf.Orgs, p.conf.Console = nil, p.conf.Gateway
	p.expect(p.run(), map[string]doctor.State{"origins": doctor.Missing})
}

func TestFolders(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(*place)
		want   map[string]doctor.State
		ready  bool
	}{
		"as they should be": {func(*place) {}, map[string]doctor.State{"data-folder": doctor.OK, "data-space": doctor.OK,
			"keys-folder": doctor.OK, "keys-apart": doctor.OK, "keys-backup": doctor.Unknown}, true},
		"not there yet": {func(p *place) {
			p.conf.Data, p.conf.Keys = filepath.Join(p.dir, "new", "data"), filepath.Join(p.dir, "new", "keys")
		},
			map[string]doctor.State{"data-folder": doctor.Unknown, "keys-folder": doctor.Unknown, "keys-backup": doctor.Unknown}, true},
		"not named": {func(p *place) { p.conf.Data, p.conf.Keys = "", "" },
			map[string]doctor.State{"data-folder": doctor.Missing, "keys-folder": doctor.Missing}, false},
		"a file": {func(p *place) { p.conf.Data = p.file("flat", "", 0o600) },
			map[string]doctor.State{"data-folder": doctor.Missing}, false},
		"open to all": {func(p *place) {
			if err := errors.Join(os.Chmod(p.conf.Data, 0o755), os.Chmod(p.conf.Keys, 0o755)); err != nil {
				p.Fatal(err)
			}
		}, map[string]doctor.State{"data-folder": doctor.Warning, "keys-folder": doctor.Warning}, true},
		"keys with the data": {func(p *place) { p.conf.KeysApart = func(string, string) error { return errors.New("inside") } },
			map[string]doctor.State{"keys-apart": doctor.Missing}, false},
		"little space": {func(p *place) { p.conf.Free = func(string) (uint64, error) { return 10 << 30, nil } },
			map[string]doctor.State{"data-space": doctor.Warning}, true},
		"no space": {func(p *place) { p.conf.Free = func(string) (uint64, error) { return 1 << 30, nil } },
			map[string]doctor.State{"data-space": doctor.Missing}, false},
		"bytes set aside": {func(p *place) {
			if err := os.MkdirAll(filepath.Join(p.conf.Data, "bytes", "aside", "2026-03-01"), 0o700); err != nil {
				p.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(p.conf.Data, "bytes", "aside", "2026-03-01", "blb_01kq00000000000000000000000"), nil, 0o600); err != nil {
				p.Fatal(err)
			}
		}, map[string]doctor.State{"bytes-aside": doctor.Warning}, true},
		"space unknown": {func(p *place) { p.conf.Free = func(string) (uint64, error) { return 0, errors.New("no answer") } },
			map[string]doctor.State{"data-space": doctor.Unknown}, true},
		"the system's own answer": {func(p *place) { p.conf.Free = nil }, map[string]doctor.State{"data-folder": doctor.OK}, true},
		"backed up": {func(p *place) {
			p.file("keys/backup.json", fmt.Sprintf(`{"at":%q,"to":"safe"}`, time.Now().Add(time.Minute).Format(time.RFC3339)), 0o600)
		}, map[string]doctor.State{"keys-backup": doctor.OK}, true},
		"backed up before the last key": {func(p *place) { p.file("keys/backup.json", `{"at":"2020-01-01T00:00:00Z"}`, 0o600) },
			map[string]doctor.State{"keys-backup": doctor.Warning}, true},
		"a note without a time": {func(p *place) { p.file("keys/backup.json", `{}`, 0o600) },
			map[string]doctor.State{"keys-backup": doctor.Unknown}, true},
		"a note that is none": {func(p *place) { p.file("keys/backup.json", `yes`, 0o600) },
			map[string]doctor.State{"keys-backup": doctor.Unknown}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, licensed())
			p.conf.Orgs = nil
			c.breaks(p)
			r := p.run()
			p.expect(r, c.want)
			// What the system says of the disk under a test is nobody's to know.
			if name != "the system's own answer" && r.Ready != c.ready {
				t.Errorf("ready: %v", r.Ready)
			}
		})
	}
	if os.Geteuid() == 0 {
		return // who may write everywhere cannot try what is refused
	}
	p := newPlace(t, licensed())
	p.conf.Orgs = nil
	if err := os.Chmod(p.conf.Data, 0o500); err != nil {
		t.Fatal(err)
	}
	p.expect(p.run(), map[string]doctor.State{"data-folder": doctor.Missing})
}
