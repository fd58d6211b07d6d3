package pubsub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/pubsub/eventbus"
)

// Follow subscribes to a topic behind the replay id from, or, if that is nil, to what comes
// from now on, and calls each for every batch, one at a time. What each has returned nil for
// counts as dealt with: only then are further events asked for, and after a break Follow goes
// on behind it. An error of each is such a break.
//
// A batch without events says that the subscription lives, or, with Down, that it broke; what
// each returns for that does not matter. Follow returns when ctx ends and
// with errors that waiting does not mend: salesforce.ErrReplayLost, cordon.ErrNotFound,
// cordon.ErrForbidden.
func (c *Client) Follow(ctx context.Context, topic string, from []byte, each func(context.Context, salesforce.ChangeBatch) error) error {
	s := &subscription{Client: c, topic: topic, replay: from, each: each}
	wait := c.conf.Backoff
	for {
		dealt := s.dealt
		err := s.once(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var p *Problem
		if errors.As(err, &p) && p.stays() {
			return fmt.Errorf("follow %s: %w", topic, err)
		}
		if s.dealt > dealt {
			wait = c.conf.Backoff
		}
		pause := wait/2 + rand.N(wait/2+1)
		each(ctx, salesforce.ChangeBatch{Replay: s.replay, Down: true})
		c.conf.Log.Info("a subscription broke and is opened again", "topic", topic, "in", pause, "err", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		wait = min(2*wait, c.conf.MaxBackoff)
	}
}

type subscription struct {
	*Client
	topic  string
	each   func(context.Context, salesforce.ChangeBatch) error
	replay []byte // behind what was dealt with
	opened bool   // before
	stale  string // token that the service refused
	dealt  int    // messages
}

var errSilent = errors.New("the service gave no sign of life")

// once subscribes and returns when the stream ends.
func (s *subscription) once(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	session, err := s.conf.Sessions.Session(ctx, s.stale)
	if err != nil {
		return err
	}
	// A peer that vanished without a word is noticed by its silence. Time that each takes
	// does not count.
	alarm := time.AfterFunc(s.conf.Silence, func() { cancel(errSilent) })
	defer alarm.Stop()

	stream, err := s.rpc.Subscribe(withSession(ctx, session))
	if err == nil {
		err = s.read(ctx, stream, alarm)
	}
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) {
		return errSilent
	}
	if stream != nil && err != nil {
		err = explain(err, stream.Trailer())
	}
	var p *Problem
	if errors.As(err, &p) && p.stale() {
		s.stale = session.Token
	}
	return err
}

func (s *subscription) read(ctx context.Context, stream eventbus.PubSub_SubscribeClient, alarm *time.Timer) error {
	first := &eventbus.FetchRequest{TopicName: s.topic, NumRequested: int32(s.conf.Ahead)}
	if s.replay != nil {
		first.ReplayPreset, first.ReplayId = eventbus.ReplayPreset_CUSTOM, s.replay
	}
	if err := stream.Send(first); err != nil && !errors.Is(err, io.EOF) {
		return err // of EOF Recv says why
	}
	if md, err := stream.Header(); err != nil || md == nil {
		if err == nil { // ended without a header: Recv says why
			_, err = stream.Recv()
		}
		return err
	}
	open := salesforce.ChangeBatch{Replay: s.replay}
	// Begun again with what comes now, since no place was ever told: what came between is lost.
	open.Gap = s.opened && s.replay == nil
	if err := s.deal(ctx, open, alarm); err != nil {
		return err
	}
	s.opened = true
	for {
		m, err := stream.Recv()
		if err != nil {
			return err
		}
		batch, err := s.batch(ctx, m)
		if err != nil {
			return err
		}
		if err := s.deal(ctx, batch, alarm); err != nil {
			return err
		}
		s.replay, s.dealt = batch.Replay, s.dealt+1
		if n := int32(len(m.GetEvents())); n > 0 {
			if err := stream.Send(&eventbus.FetchRequest{TopicName: s.topic, NumRequested: n}); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
		}
	}
}

func (s *subscription) deal(ctx context.Context, b salesforce.ChangeBatch, alarm *time.Timer) error {
	alarm.Stop()
	err := s.each(ctx, b)
	alarm.Reset(s.conf.Silence)
	return err
}

// batch decodes a message.
func (s *subscription) batch(ctx context.Context, m *eventbus.FetchResponse) (salesforce.ChangeBatch, error) {
	b := salesforce.ChangeBatch{Replay: s.replay, Events: make([]salesforce.ChangeEvent, 0, len(m.GetEvents()))}
	for _, e := range m.GetEvents() {
		change, err := s.change(ctx, e.GetEvent())
		if err != nil {
			return b, err
		}
		b.Events = append(b.Events, change)
		place(&b, e.GetReplayId())
	}
	// Behind the last event of a message there may be others, which are not ours to skip.
	if len(m.GetEvents()) == 0 {
		place(&b, m.GetLatestReplayId())
	}
	return b, nil
}

// place moves a batch's replay id, unless it is one that cannot be kept.
func place(b *salesforce.ChangeBatch, id []byte) {
	if 0 < len(id) && len(id) <= maxReplay {
		b.Replay = id
	}
}
