package sim

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/cordonhq/cordon/salesforce/pubsub/eventbus"
)

// PubSub returns a gRPC server with the org's Pub/Sub API. Serve it on a listener, and Stop
// it at the end.
//
//	server := org.PubSub()
//	go server.Serve(listener)
func (o *Org) PubSub() *grpc.Server {
	s := grpc.NewServer(grpc.MaxRecvMsgSize(4 << 20))
	eventbus.RegisterPubSubServer(s, &pubsub{o: o})
	return s
}

// pubsub answers the Pub/Sub API. Its lines in the org's log have the method GRPC.
type pubsub struct {
	eventbus.UnimplementedPubSubServer
	o *Org
}

// refuse is an error as the service words it: a status, and its own code in the trailers.
func refuse(ctx context.Context, c codes.Code, code, words string) error {
	grpc.SetTrailer(ctx, metadata.Pairs("error-code", "sfdc.platform.eventbus.grpc."+code, "rpc-id", rpcID(ctx)))
	return status.Error(c, words+" rpcId: "+rpcID(ctx))
}

// rpcID names a call to whoever asks for support. The simulator knows one name only.
func rpcID(context.Context) string { return "00000000-0000-4000-8000-000000000000" }

// enter finds the caller of a call and writes the call into the org's log.
func (p *pubsub) enter(ctx context.Context, call string) (*session, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	one := func(name string) string {
		if v := md.Get(name); len(v) == 1 {
			return v[0]
		}
		return ""
	}
	o := p.o
	o.mu.Lock()
	defer o.mu.Unlock()
	line := Logged{At: o.conf.Now(), Method: "GRPC", Path: "/eventbus.v1.PubSub/" + call, Header: map[string]string{}}
	defer func() { o.log.add(line) }()
	line.Status = int(codes.Unauthenticated)
	org, good := parseID(one("tenantid"))
	if instance := one("instanceurl"); !good || org != o.orgID || !strings.HasPrefix(instance, "http") {
		return nil, refuse(ctx, codes.Unauthenticated, "service.auth.headers.invalid", "the headers instanceurl and tenantid must name the org.")
	}
	s := o.sessions[one("accesstoken")]
	if s == nil || o.conf.Now().After(s.expires) {
		return nil, refuse(ctx, codes.Unauthenticated, "service.auth.error", "authentication exception occurred.")
	}
	line.User, line.Client, line.Status = s.who.Username, s.client, int(codes.OK)
	return s, nil
}

// alive says that a stream's session still is one.
func (p *pubsub) alive(ctx context.Context) error {
	md, _ := metadata.FromIncomingContext(ctx)
	p.o.mu.Lock()
	s := p.o.sessions[strings.Join(md.Get("accesstoken"), "")]
	ended := s == nil || p.o.conf.Now().After(s.expires)
	p.o.mu.Unlock()
	if ended {
		return refuse(ctx, codes.Unauthenticated, "service.auth.error", "authentication exception occurred.")
	}
	return nil
}

// topic finds a topic, nil for the channel of all changes, and says whether the caller may
// subscribe to it: change events of what they may see all of.
func (p *pubsub) topic(ctx context.Context, s *session, name string) (t *eventTopic, may bool, err error) {
	o := p.o
	o.bus.mu.Lock()
	t = o.bus.topics[strings.ToLower(name)]
	some := len(o.bus.chosen) > 0
	o.bus.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	work := o.begin(s.who)
	switch {
	case name == "":
		return nil, false, refuse(ctx, codes.InvalidArgument, "topic.validation.empty", "the topic name is empty.")
	case t == nil && some && strings.EqualFold(name, allChanges):
		return nil, s.who.Profile.ViewAllData, nil
	case t == nil:
		return nil, false, refuse(ctx, codes.NotFound, "topic.not.found", "the topic does not exist.")
	case t.e.event:
		return t, work.access(t.e).Read, nil
	}
	return t, work.access(t.e).Read && work.access(t.e).ViewAll, nil
}

func (p *pubsub) GetTopic(ctx context.Context, r *eventbus.TopicRequest) (*eventbus.TopicInfo, error) {
	s, err := p.enter(ctx, "GetTopic")
	if err != nil {
		return nil, err
	}
	t, may, err := p.topic(ctx, s, r.GetTopicName())
	if err != nil {
		return nil, err
	}
	info := &eventbus.TopicInfo{TopicName: r.GetTopicName(), TenantGuid: "core/sim/" + p.o.OrgID(), CanSubscribe: may, RpcId: rpcID(ctx)}
	if t != nil {
		info.SchemaId = t.id
	}
	return info, nil
}

func (p *pubsub) GetSchema(ctx context.Context, r *eventbus.SchemaRequest) (*eventbus.SchemaInfo, error) {
	if _, err := p.enter(ctx, "GetSchema"); err != nil {
		return nil, err
	}
	p.o.bus.mu.Lock()
	t := p.o.bus.schemas[r.GetSchemaId()]
	p.o.bus.mu.Unlock()
	if t == nil {
		return nil, refuse(ctx, codes.NotFound, "schema.validation.failed", "there is no such schema.")
	}
	return &eventbus.SchemaInfo{SchemaJson: t.text, SchemaId: t.id, RpcId: rpcID(ctx)}, nil
}

func (p *pubsub) Subscribe(stream eventbus.PubSub_SubscribeServer) error {
	ctx := stream.Context()
	s, err := p.enter(ctx, "Subscribe")
	if err != nil {
		return err
	}
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	topic := first.GetTopicName()
	if _, may, err := p.topic(ctx, s, topic); err != nil {
		return err
	} else if !may {
		return refuse(ctx, codes.PermissionDenied, "subscription.topic.cannot.subscribe", "the user may not subscribe to the topic.")
	}
	sub := subscriber{pubsub: p, stream: stream, topic: topic}
	if err := sub.begin(ctx, first); err != nil {
		return err
	}
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	return sub.deliver(ctx)
}

// mostAsked is the most events that one request may ask for.
const mostAsked = 100

type subscriber struct {
	*pubsub
	stream eventbus.PubSub_SubscribeServer
	topic  string
	at     uint64 // place behind what was delivered
	owed   int
	asked  chan *eventbus.FetchRequest
	ended  chan error // the client's side
}

func (s *subscriber) begin(ctx context.Context, first *eventbus.FetchRequest) error {
	known := false
	s.at, known = s.o.bus.start(int32(first.GetReplayPreset()), first.GetReplayId())
	custom := first.GetReplayPreset() == eventbus.ReplayPreset_CUSTOM
	if custom && len(first.GetReplayId()) == 0 {
		return refuse(ctx, codes.InvalidArgument, "subscription.fetch.replayid.validation.failed", "the replay id is missing.")
	}
	if _, lost := s.o.faults.match(methodReplay, s.topic); custom && lost || !known {
		return refuse(ctx, codes.InvalidArgument, "subscription.fetch.replayid.corrupted", "the replay id "+hex.EncodeToString(first.GetReplayId())+" is not valid.")
	}
	if err := s.ask(ctx, first); err != nil {
		return err
	}
	s.asked, s.ended = make(chan *eventbus.FetchRequest), make(chan error, 1)
	go func() {
		for {
			r, err := s.stream.Recv()
			if err != nil {
				s.ended <- err
				return
			}
			select {
			case s.asked <- r:
			case <-ctx.Done():
				return
			}
		}
	}()
	return nil
}

func (s *subscriber) ask(ctx context.Context, r *eventbus.FetchRequest) error {
	if r.GetTopicName() != "" && r.GetTopicName() != s.topic {
		return refuse(ctx, codes.InvalidArgument, "subscription.fetch.topic.mismatch", "the topic of a stream cannot change.")
	}
	if r.GetNumRequested() <= 0 || r.GetNumRequested() > mostAsked {
		return refuse(ctx, codes.InvalidArgument, "subscription.fetch.requested.events.invalid", fmt.Sprintf("between 1 and %d events can be asked for.", mostAsked))
	}
	s.owed += int(r.GetNumRequested())
	return nil
}

// deliver sends what there is, as far as it was asked for, and signs of life between.
func (s *subscriber) deliver(ctx context.Context) error {
	quiet := time.NewTimer(s.o.conf.EventKeepalive)
	defer quiet.Stop()
	for {
		list, next, fresh := s.o.bus.behind(s.topic, s.at, s.owed)
		if s.owed > 0 && len(list) > 0 {
			if err := s.alive(ctx); err != nil {
				return err
			}
			if err := s.send(ctx, list); err != nil {
				return err
			}
			s.at = next
			quiet.Reset(s.o.conf.EventKeepalive)
			continue
		}
		if s.owed == 0 {
			fresh = nil
		}
		select {
		case <-fresh:
		case r := <-s.asked:
			if err := s.ask(ctx, r); err != nil {
				return err
			}
		case err := <-s.ended:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case <-quiet.C:
			if err := s.alive(ctx); err != nil {
				return err
			}
			if s.owed > 0 {
				s.at = max(s.at, next)
			}
			if err := s.stream.Send(&eventbus.FetchResponse{LatestReplayId: replayID(s.at), RpcId: rpcID(ctx), PendingNumRequested: int32(s.owed)}); err != nil {
				return err
			}
			quiet.Reset(s.o.conf.EventKeepalive)
		}
	}
}

// send delivers events, or what accidents make of them.
func (s *subscriber) send(ctx context.Context, list []event) error {
	m := &eventbus.FetchResponse{RpcId: rpcID(ctx)}
	flush := func() error {
		if len(m.Events) == 0 {
			return nil
		}
		s.owed = max(0, s.owed-len(m.Events))
		m.PendingNumRequested = int32(s.owed)
		m.LatestReplayId = m.Events[len(m.Events)-1].GetReplayId()
		err := s.stream.Send(m)
		m = &eventbus.FetchResponse{RpcId: rpcID(ctx)}
		return err
	}
	for _, e := range list {
		times := 1
		if f, hit := s.o.faults.match(methodEvent, s.topic); hit {
			switch f.Verb {
			case DropStream:
				if err := flush(); err != nil {
					return err
				}
				return status.Error(codes.Unavailable, "RST_STREAM closed stream")
			case SkipEvent:
				times = 0
			case RepeatEvent:
				times = 2
			case GapEvent, OverflowEvent:
				if e.told.Kind != "" {
					e = e.gap(f.Verb == OverflowEvent)
				}
			case DelayEvent:
				if err := flush(); err != nil {
					return err
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(f.Wait):
				}
			}
		}
		for range times {
			m.Events = append(m.Events, &eventbus.ConsumerEvent{ReplayId: replayID(e.seq), Event: &eventbus.ProducerEvent{
				Id: fmt.Sprintf("%08x-0000-4000-8000-%012x", e.seq, e.seq), SchemaId: e.topic.id, Payload: e.payload}})
		}
	}
	return flush()
}
