package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/pace"
)

// listener is one address with the server behind it.
type listener struct {
	net.Listener
	server *http.Server
	coming *coming
	scheme string
}

// URL is how a program on this machine reaches it.
func (l *listener) URL() string {
	host, port, _ := net.SplitHostPort(l.Addr().String())
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return l.scheme + "://" + net.JoinHostPort(host, port)
}

// listen opens an address. The server's timeouts bound headers and idling; bodies are bounded by
// their pace, since a 2 GB upload rightly takes long.
// What is own is for operators, who are answered when descriptors are gone.
func listen(addr string, own bool, h http.Handler, bodies pace.Limits, tlsConfig *tls.Config, files *descriptors, log *slog.Logger) (*listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (is another program using it?): %w", addr, err)
	}
	quiet := &idle{since: map[net.Conn]time.Time{}}
	ln = &guarded{Listener: ln, of: files, own: own, idle: quiet}
	arriving := &coming{open: map[*body]struct{}{}}
	l := &listener{Listener: ln, scheme: "http", coming: arriving, server: &http.Server{
		Handler:           pace.Handler(arriving.wrap(h), bodies),
		ReadHeaderTimeout: 20 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ConnState:         quiet.state,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	if tlsConfig != nil {
		l.scheme = "https"
		l.Listener = tls.NewListener(ln, tlsConfig)
	}
	return l, nil
}

func (l *listener) serve(failed chan<- error) {
	if err := l.server.Serve(l.Listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
		failed <- fmt.Errorf("serve %s: %w", l.URL(), err)
	}
}

func (l *listener) stop(ctx context.Context) error {
	if err := l.server.Shutdown(ctx); err != nil {
		return l.server.Close() // who still reads an answer loses the connection
	}
	return nil
}

// loadTLS reads a certificate and its key.
func loadTLS(cert, key string) (*tls.Config, error) {
	if cert == "" || key == "" {
		return nil, fmt.Errorf("%w: tls_listen needs cert and key beside it, both PEM files", cordon.ErrInvalid)
	}
	c, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("read the TLS certificate %q and key %q: %w", cert, key, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// LoopbackTLS makes a certificate for this machine's loopback addresses, signed by an
// authority of its own that is returned as PEM. Both exist in memory only: for the demo and
// for tests.
func LoopbackTLS() (*tls.Config, []byte, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Cordon demo authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return nil, nil, err
	}
	conf := &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{leafDER, caDER}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	}
	return conf, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}), nil
}
