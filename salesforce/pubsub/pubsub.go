// Package pubsub is told of changes in an org as they happen, over Salesforce's Pub/Sub API:
// gRPC, with events in Avro.
//
//	c, err := pubsub.New(pubsub.Config{Sessions: client})
//	err = c.Follow(ctx, "/data/ContentVersionChangeEvent", replay, func(ctx context.Context, b salesforce.ChangeBatch) error {
//		return commit(ctx, b.Events, b.Replay)
//	})
//
// Follow asks for no more than has been dealt with, comes back after every break where the
// last batch that was dealt with ended, and says so where events may have been lost. It
// promises to lose nothing silently; it does not promise that the org tells everything.
package pubsub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/pubsub/eventbus"
)

// DefaultAddress is the service for orgs everywhere.
const DefaultAddress = "api.pubsub.salesforce.com:7443"

// Limits of what is taken from the service, in bytes. The service itself sends events up to
// 1 MB and messages up to 4 MB.
const (
	maxMessage = 4 << 20
	maxSchema  = 1 << 20
	maxPayload = 1 << 20
	maxReplay  = 1 << 10
)

// mostRequested is the most events that the service lets a client ask for at a time.
const mostRequested = 100

// Sessions says as whom Cordon speaks to the org. *salesforce.Client does.
type Sessions interface {
	Session(ctx context.Context, stale string) (salesforce.Session, error)
}

// Config is what a Client works with. Sessions is required.
type Config struct {
	Sessions Sessions
	// Address is host:port of the service, spoken to over TLS, or http://host:port in the
	// clear, on this machine only. Default: DefaultAddress.
	Address string
	// Ahead is the number of events asked for before they are dealt with. Default and most:
	// 100.
	Ahead int
	// Backoff is the wait after the first break; it doubles, up to MaxBackoff, and half of it
	// is random. Defaults: 1 s and 1 min.
	Backoff, MaxBackoff time.Duration
	// Silence is how long a subscription may say nothing before it counts as broken. The
	// service gives a sign of life at least every 270 s. Default: 10 min.
	Silence time.Duration
	// TLS is used instead of the system's trust. Default: the system's.
	TLS *tls.Config
	Log *slog.Logger
}

// Client speaks to the Pub/Sub API for one org. It is safe for concurrent use.
type Client struct {
	conf    Config
	conn    *grpc.ClientConn
	rpc     eventbus.PubSubClient
	schemas schemas
}

// New returns a client. It does not call anybody.
func New(conf Config) (*Client, error) {
	if conf.Sessions == nil {
		return nil, fmt.Errorf("%w: a Pub/Sub client needs sessions", cordon.ErrInvalid)
	}
	if conf.Address == "" {
		conf.Address = DefaultAddress
	}
	if conf.Ahead <= 0 || conf.Ahead > mostRequested {
		conf.Ahead = mostRequested
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{{&conf.Backoff, time.Second}, {&conf.MaxBackoff, time.Minute}, {&conf.Silence, 10 * time.Minute}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if conf.Log == nil {
		conf.Log = slog.Default()
	}
	target, plain, err := ParseAddress(conf.Address)
	if err != nil {
		return nil, err
	}
	secure := credentials.NewTLS(conf.TLS)
	if plain {
		secure = insecure.NewCredentials()
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(secure), grpc.WithDisableServiceConfig(),
		grpc.WithUserAgent("cordon"), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("%w: the address of the Pub/Sub API: %w", cordon.ErrInvalid, err)
	}
	return &Client{conf: conf, conn: conn, rpc: eventbus.NewPubSubClient(conn)}, nil
}

// ParseAddress reads an address as Config has it: what to connect to, and whether in the
// clear, which only this machine may be.
func ParseAddress(address string) (target string, plain bool, err error) {
	target, plain = strings.CutPrefix(address, "http://")
	host, port, err := net.SplitHostPort(target)
	if err != nil || host == "" || port == "" {
		return "", false, fmt.Errorf("%w: %q is not host:port of a Pub/Sub API, for example %s", cordon.ErrInvalid, address, DefaultAddress)
	}
	if ip := net.ParseIP(host); plain && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", false, fmt.Errorf("%w: %q would carry the org's token in the clear; leave http:// out", cordon.ErrInvalid, address)
	}
	return target, plain, nil
}

// Close ends every call.
func (c *Client) Close() error { return c.conn.Close() }

// Topic asks whether the org lets Cordon subscribe to a topic: cordon.ErrNotFound if it has
// none of that name, cordon.ErrForbidden if Cordon may not.
func (c *Client) Topic(ctx context.Context, name string) error {
	info, err := authorized(ctx, c, c.rpc.GetTopic, &eventbus.TopicRequest{TopicName: name})
	if err == nil && !info.GetCanSubscribe() {
		err = cordon.ErrForbidden
	}
	if err != nil {
		return fmt.Errorf("ask for the topic %s: %w", name, err)
	}
	return nil
}

// callTimeout bounds a call that is not a stream.
const callTimeout = 30 * time.Second

// authorized does a call, and once again with a fresh token if the service refuses the first.
func authorized[Q, A any](ctx context.Context, c *Client, call func(context.Context, Q, ...grpc.CallOption) (A, error), ask Q) (answer A, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stale := ""
	for range 2 {
		s, err := c.conf.Sessions.Session(ctx, stale)
		if err != nil {
			return answer, err
		}
		var trailer metadata.MD
		answer, err = call(withSession(ctx, s), ask, grpc.Trailer(&trailer))
		err = explain(err, trailer)
		var p *Problem
		if !errors.As(err, &p) || !p.stale() {
			return answer, err
		}
		stale = s.Token
	}
	return answer, fmt.Errorf("%w: the service takes no token of the org", cordon.ErrForbidden)
}

func withSession(ctx context.Context, s salesforce.Session) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "accesstoken", s.Token, "instanceurl", s.Instance, "tenantid", s.OrgID)
}
