package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// examineDoors looks at how the gateway and the console listen, and at their certificates. It
// opens no port: whether something listens there already is not its question.
func examineDoors(conf Config, r *lines) {
	examineDoor(conf, "gateway", conf.Gateway, r)
	examineDoor(conf, "console", conf.Console, r)
	if conf.Gateway.Listen != "" && sameAddress(conf.Gateway.Listen, conf.Console.Listen) {
		r.add(Line{Check: "origins", State: Missing, Needed: true, Says: "gateway and console would listen at one address", Evidence: "configuration: " + conf.Gateway.Listen + " twice",
			Do: "Give the console another port: it must never be one origin with the gateway."})
	}
}

func examineDoor(conf Config, name string, d Door, r *lines) {
	check := name + "-tls"
	if d.TLSListen == "" {
		host, _, err := net.SplitHostPort(d.Listen)
		switch {
		case err != nil:
			r.add(Line{Check: check, State: Missing, Needed: true, Says: "the address of the " + name + " cannot be read", Evidence: fmt.Sprintf("configuration: listen %q: %v", d.Listen, err), Do: "Write listen as host:port."})
		case isLoopback(host):
			r.add(Line{Check: check, State: OK, Says: "only this machine reaches the " + name, Evidence: "configuration: listen " + d.Listen + ", no tls_listen"})
		default:
			r.add(Line{Check: check, State: Unknown, Says: "the " + name + " is served without TLS; whether something in front of it ends TLS cannot be seen from here", Evidence: "configuration: listen " + d.Listen + ", no tls_listen",
				Do: "Set tls_listen, cert and key, or make sure that only a load balancer with TLS reaches " + d.Listen + "."})
		}
		return
	}
	pair, err := tls.LoadX509KeyPair(d.Cert, d.Key)
	if err != nil {
		r.add(Line{Check: check, State: Missing, Needed: true, Says: "the certificate of the " + name + " cannot be used, so serve would not start", Evidence: err.Error(), Do: "Give PEM files of a certificate and its key as cert and key."})
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		r.add(Line{Check: check, State: Missing, Needed: true, Says: "the certificate of the " + name + " cannot be read", Evidence: d.Cert + ": " + err.Error(), Do: "Give the PEM file of a certificate as cert."})
		return
	}
	var uncovered []string
	for _, h := range d.Hosts {
		if leaf.VerifyHostname(h) != nil {
			uncovered = append(uncovered, h)
		}
	}
	evidence := fmt.Sprintf("%s: valid from %s to %s", d.Cert, leaf.NotBefore.UTC().Format(time.DateOnly), leaf.NotAfter.UTC().Format(time.DateOnly))
	now := conf.Clock()
	info, statErr := os.Stat(d.Key)
	switch {
	case now.After(leaf.NotAfter) || now.Before(leaf.NotBefore):
		r.add(Line{Check: check, State: Missing, Needed: true, Says: "the certificate of the " + name + " is not valid now", Evidence: evidence, Do: "Renew it."})
	case len(uncovered) > 0:
		r.add(Line{Check: check, State: Missing, Needed: true, Says: "the certificate of the " + name + " does not cover its names", Evidence: evidence + ", not for " + strings.Join(uncovered, ", "), Do: "Get a certificate for all names under hosts."})
	case statErr == nil && info.Mode().Perm()&0o077 != 0:
		r.add(Line{Check: check, State: Warning, Says: "others on this machine may read the key of the " + name + "'s certificate", Evidence: fmt.Sprintf("%s has mode %04o", d.Key, info.Mode().Perm()), Do: "chmod 600 " + d.Key})
	case leaf.NotAfter.Sub(now) < 30*24*time.Hour:
		r.add(Line{Check: check, State: Warning, Says: "the certificate of the " + name + " ends within 30 days", Evidence: evidence, Do: "Renew it, and restart serve."})
	default:
		r.add(Line{Check: check, State: OK, Says: "the " + name + " is served over TLS at " + d.TLSListen, Evidence: evidence})
	}
}

func sameAddress(a, b string) bool {
	_, p, err := net.SplitHostPort(a)
	_, q, err2 := net.SplitHostPort(b)
	return err == nil && err2 == nil && p == q && p != "0" && a == b
}
