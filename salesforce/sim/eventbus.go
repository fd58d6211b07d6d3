package sim

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/avro"
)

// bus keeps the events that subscriptions deliver, in the order in which transactions ended.
type bus struct {
	mu      sync.Mutex
	conf    Config
	chosen  map[*entity]bool       // entities whose changes are told
	topics  map[string]*eventTopic // by name in lower case
	schemas map[string]*eventTopic // by schema id
	log     []event
	seq     uint64        // of the newest event
	fresh   chan struct{} // closed when there is more
}

// eventTopic is one topic of one kind of event, and its schema.
type eventTopic struct {
	name   string
	e      *entity // what it is about: the changed object, or the platform event itself
	text   string  // the schema
	id     string  // and its fingerprint
	schema *avro.Schema
}

// event is one event as it was published.
type event struct {
	seq     uint64
	topic   *eventTopic
	told    Published
	payload []byte
}

// delta is one change of a record inside a transaction, or a platform event, which has no
// kind and no id.
type delta struct {
	kind, id      string
	e             *entity
	before, after map[string]any
}

// Published is the truth about one event.
type Published struct {
	Topic    string   // "/data/ContentVersionChangeEvent" or "/event/Name__e"
	Kind     string   // "CREATE" …; "" of a platform event
	Object   string   // changed object, or the platform event
	IDs      []string // changed records
	At       time.Time
	ReplayID []byte
}

// Published returns the events that are retained, oldest first.
func (o *Org) Published() []Published {
	o.bus.mu.Lock()
	defer o.bus.mu.Unlock()
	out := []Published{}
	for _, e := range o.bus.log {
		out = append(out, e.told)
	}
	return out
}

const changeEventSuffix = "ChangeEvent"

// allChanges is the channel of every change event.
const allChanges = "/data/ChangeEvents"

// reset forgets every event. Subscriptions that are open end with the next look.
func (b *bus) reset(conf Config, s *schema) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conf, b.log, b.seq = conf, nil, 0
	b.chosen, b.topics, b.schemas = map[*entity]bool{}, map[string]*eventTopic{}, map[string]*eventTopic{}
	add := func(t *eventTopic) {
		t.schema = avro.MustParse(t.text)
		sum := sha256.Sum256([]byte(t.text))
		t.id = base64.RawURLEncoding.EncodeToString(sum[:16])
		b.topics[strings.ToLower(t.name)], b.schemas[t.id] = t, t
	}
	for _, object := range conf.ChangeEvents {
		if e := s.entity(object); e != nil {
			b.chosen[e] = true
			add(&eventTopic{name: "/data/" + e.name + changeEventSuffix, e: e, text: changeSchema(e)})
		}
	}
	for _, e := range s.order {
		if e.event && !strings.HasSuffix(e.name, changeEventSuffix) {
			add(&eventTopic{name: "/event/" + e.name, e: e, text: platformSchema(e)})
		}
	}
	b.wake()
}

func (b *bus) wake() {
	if b.fresh != nil {
		close(b.fresh)
	}
	b.fresh = make(chan struct{})
}

func (b *bus) selected(e *entity) bool { return b.chosen[e] }

// replayID is opaque to clients: a number and a part that is always nought.
func replayID(seq uint64) []byte {
	return append(binary.BigEndian.AppendUint64(nil, seq), 0, 0)
}

// publish appends what a transaction changed. Several statements on one record become one
// event, and records that went or came back together become one.
func (b *bus) publish(t *tx) {
	if len(t.deltas) == 0 {
		return
	}
	var list []delta
	at := map[string]int{}
	for _, d := range t.deltas {
		i, again := at[d.id]
		again = again && d.id != ""
		switch {
		case !again:
			at[d.id] = len(list)
			list = append(list, d)
		case list[i].kind == "CREATE" && d.kind == "DELETE":
			list[i].kind = "nothing"
		case list[i].kind == "CREATE" || list[i].kind == d.kind:
			list[i].after = d.after
		default:
			list[i].kind, list[i].after = d.kind, d.after
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	keep := b.conf.Now().Add(-b.conf.EventRetention)
	old := slices.IndexFunc(b.log, func(e event) bool { return !e.told.At.Before(keep) })
	if old < 0 {
		old = len(b.log)
	}
	b.log = b.log[old:]
	order, key := 1, b.seq+1
	for i := 0; i < len(list); i++ {
		d := list[i]
		if d.kind == "nothing" || d.kind != "" && !b.chosen[d.e] {
			continue
		}
		ids := []string{d.id}
		for d.kind == "DELETE" || d.kind == "UNDELETE" {
			if i+1 >= len(list) || list[i+1].kind != d.kind || list[i+1].e != d.e {
				break
			}
			i++
			ids = append(ids, list[i].id)
		}
		name := "/data/" + d.e.name + changeEventSuffix
		if d.kind == "" {
			name, ids = "/event/"+d.e.name, nil
		}
		topic := b.topics[strings.ToLower(name)]
		if topic == nil {
			continue
		}
		b.seq++
		told := Published{Topic: topic.name, Kind: d.kind, Object: d.e.name, IDs: ids, At: t.now, ReplayID: replayID(b.seq)}
		h := header{told: told, user: t.who.id, order: order, number: b.seq, transaction: key}
		order++
		b.log = append(b.log, event{seq: b.seq, topic: topic, told: told, payload: topic.encode(h, d)})
	}
	b.wake()
}

// behind returns the events of a topic behind a place, at most n of them and at most about
// 3 MB, the place behind which to go on, and a channel that is closed when there are more.
func (b *bus) behind(topic string, seq uint64, n int) (list []event, next uint64, fresh <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n <= 0 {
		return nil, seq, b.fresh
	}
	from, _ := slices.BinarySearchFunc(b.log, seq+1, func(e event, s uint64) int { return cmp.Compare(e.seq, s) })
	size := 0
	for _, e := range b.log[from:] {
		if len(list) >= n || size > 3<<20 {
			return list, list[len(list)-1].seq, b.fresh
		}
		all := strings.EqualFold(topic, allChanges) && e.told.Kind != ""
		if all || strings.EqualFold(topic, e.topic.name) {
			list = append(list, e)
			size += len(e.payload)
		}
	}
	return list, max(seq, b.seq), b.fresh
}

// start is the place that a subscription begins behind, and whether it can.
func (b *bus) start(preset int32, id []byte) (seq uint64, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.seq // nothing retained: behind everything
	keep := b.conf.Now().Add(-b.conf.EventRetention)
	if i := slices.IndexFunc(b.log, func(e event) bool { return !e.told.At.Before(keep) }); i >= 0 {
		first = b.log[i].seq - 1
	}
	switch preset {
	case 0:
		return b.seq, true
	case 1:
		return first, true
	}
	if len(id) != 10 || id[8] != 0 || id[9] != 0 {
		return 0, false
	}
	seq = binary.BigEndian.Uint64(id)
	return seq, first <= seq && seq <= b.seq
}

// header is what the header of a change event is made of.
type header struct {
	told        Published
	user        string
	order       int
	number      uint64
	transaction uint64
}

func (h header) values(changed, nulled []string) map[string]any {
	return map[string]any{
		"entityName": h.told.Object, "recordIds": h.told.IDs, "changeType": h.told.Kind, "changeOrigin": "",
		"transactionKey": fmt.Sprintf("%08x-0000-4000-8000-%012x", h.transaction, h.transaction), "sequenceNumber": int32(h.order),
		"commitTimestamp": h.told.At.UnixMilli(), "commitNumber": int64(h.number), "commitUser": h.user,
		"nulledFields": nulled, "diffFields": []string{}, "changedFields": changed,
	}
}

// gap is the event as it is told when its fields cannot be: the header only, and after an
// overflow not even the ids.
func (e event) gap(overflow bool) event {
	h := header{told: e.told, order: 1, number: e.seq, transaction: e.seq}
	h.told.Kind = "GAP_" + e.told.Kind
	if overflow {
		h.told.Kind, h.told.IDs = "GAP_OVERFLOW", []string{e.topic.e.prefix + "*"}
	}
	e.payload = e.topic.encode(h, delta{e: e.topic.e})
	return e
}

// encode writes an event in Avro.
func (t *eventTopic) encode(h header, d delta) []byte {
	values := map[string]any{}
	if h.told.Kind == "" {
		values["CreatedDate"], values["CreatedById"] = h.told.At.UnixMilli(), h.user
	}
	changed, nulled := new(big.Int), new(big.Int)
	for i, f := range eventFields(t.e) {
		now, was := eventValue(f, d.after[f.name]), eventValue(f, d.before[f.name])
		if h.told.Kind == "UPDATE" && now == was || h.told.Kind == "DELETE" {
			now = nil
		} else if h.told.Kind == "UPDATE" {
			changed.SetBit(changed, i+1, 1) // the header is field 0
			if now == nil {
				nulled.SetBit(nulled, i+1, 1)
			}
		}
		values[f.name] = now
	}
	if h.told.Kind != "" {
		values["ChangeEventHeader"] = h.values(bitmap(changed), bitmap(nulled))
	}
	payload, err := t.schema.Encode(values)
	if err != nil {
		panic(fmt.Sprintf("sim: an event of %s does not fit its schema: %v", t.name, err))
	}
	return payload
}

// bitmap is how a header lists fields: bits in hexadecimal, or nothing.
func bitmap(n *big.Int) []string {
	if n.Sign() == 0 {
		return []string{}
	}
	return []string{fmt.Sprintf("0x%X", n)}
}
