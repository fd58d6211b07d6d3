package pubsub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/avro"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
	"github.com/cordonhq/cordon/salesforce/pubsub/eventbus"
)

// mostSchemas bounds the cache. An org changes a schema when it changes the object.
const mostSchemas = 256

// schemas keeps what the org said of each schema id. The id is a fingerprint: what it names
// never changes.
type schemas struct {
	mu   sync.Mutex
	byID map[string]*avro.Schema // nil: cannot be read
}

// change decodes an event. What cannot be decoded is an event without a type, so that it is
// polled for; an error means that it may be asked for again.
func (c *Client) change(ctx context.Context, e *eventbus.ProducerEvent) (salesforce.ChangeEvent, error) {
	s, err := c.schema(ctx, e.GetSchemaId())
	if err != nil {
		return salesforce.ChangeEvent{}, err
	}
	if s == nil {
		return salesforce.ChangeEvent{}, nil
	}
	change, err := decode(s, e.GetPayload())
	if err != nil {
		c.conf.Log.Warn("an event could not be read; polling tells what it was about", "schema", e.GetSchemaId(), "err", err)
		return salesforce.ChangeEvent{}, nil
	}
	return change, nil
}

// schema returns the schema of the id, nil if there is none that can be read.
func (c *Client) schema(ctx context.Context, id string) (*avro.Schema, error) {
	if id == "" || len(id) > 256 {
		return nil, nil
	}
	c.schemas.mu.Lock()
	s, known := c.schemas.byID[id]
	c.schemas.mu.Unlock()
	if known {
		return s, nil
	}
	info, err := authorized(ctx, c, c.rpc.GetSchema, &eventbus.SchemaRequest{SchemaId: id})
	var p *Problem
	if err != nil && !(errors.As(err, &p) && p.stays()) {
		return nil, fmt.Errorf("ask for the schema of an event: %w", err)
	}
	if err == nil {
		s, err = parseSchema(info.GetSchemaJson())
	}
	if err != nil {
		c.conf.Log.Warn("the schema of an event could not be read; polling tells what such events are about", "schema", id, "err", err)
		s = nil
	}
	c.schemas.mu.Lock()
	defer c.schemas.mu.Unlock()
	if c.schemas.byID == nil || len(c.schemas.byID) >= mostSchemas {
		c.schemas.byID = map[string]*avro.Schema{}
	}
	c.schemas.byID[id] = s
	return s, nil
}

// parseSchema reads the Avro schema of an event. The library bounds nesting; the size is ours.
func parseSchema(text string) (*avro.Schema, error) {
	if len(text) > maxSchema {
		return nil, fmt.Errorf("%w: a schema of %d bytes", cordon.ErrTooLarge, len(text))
	}
	s, err := avro.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: the schema of an event is not Avro", cordon.ErrInvalid)
	}
	return s, nil
}

// changeEvent is what Cordon reads of an event; the library steps over the rest.
type changeEvent struct {
	Header struct {
		Entity    string   `avro:"entityName"`
		Records   []string `avro:"recordIds"`
		Type      string   `avro:"changeType"`
		CommitsAt int64    `avro:"commitTimestamp"`
	} `avro:"ChangeEventHeader"`
}

// mostRecords bounds the ids of one event.
const mostRecords = 10_000

func decode(s *avro.Schema, payload []byte) (salesforce.ChangeEvent, error) {
	if len(payload) > maxPayload {
		return salesforce.ChangeEvent{}, fmt.Errorf("%w: an event of %d bytes", cordon.ErrTooLarge, len(payload))
	}
	var e changeEvent
	if _, err := s.Decode(payload, &e, avro.SkipUnknown()); err != nil {
		// The library's words may quote values.
		return salesforce.ChangeEvent{}, fmt.Errorf("%w: an event does not match its schema", cordon.ErrInvalid)
	}
	h := e.Header
	if !salesforce.IsName(h.Entity) || len(h.Records) > mostRecords {
		return salesforce.ChangeEvent{}, fmt.Errorf("%w: an event has no header of a change", cordon.ErrInvalid)
	}
	c := salesforce.ChangeEvent{Entity: h.Entity, Type: salesforce.ChangeType(h.Type), At: time.UnixMilli(h.CommitsAt).UTC()}
	for _, id := range h.Records {
		if salesforce.IsID(id) {
			c.Records = append(c.Records, salesforce.LongID(id))
		}
	}
	return c, nil
}
