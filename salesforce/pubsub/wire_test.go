package pubsub_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/cordonhq/cordon/salesforce/sim"
)

// What goes over the wire is what it claims to be: HTTP/2, gRPC, protobuf and Avro, read back
// by nothing that wrote it, and equal to what the org says it published.
func TestWire(t *testing.T) {
	w := newWorld(t)
	tap := w.tap()
	w.conf.Address = "http://" + tap.listener.Addr().String()
	c := w.open()
	w.must(c.Topic(t.Context(), versions))
	f := w.follow(c, versions, nil, nil)
	f.until("the subscription stands", lives)
	first, document, err := w.org.Upload("Überweisung 🚗.png", []byte("one"))
	w.must(err)
	second, err := w.org.Create("admin@example.com", "ContentVersion", map[string]any{"Title": "b", "PathOnClient": "b.png", "VersionData": "dHdv", "ContentDocumentId": document})
	w.must(err)
	f.until("both", has(first, second))
	f.stop()
	<-f.ended
	w.must(c.Close())
	asked, answered := tap.streams(t)

	var schema any
	schemaID := ""
	var told []sim.Published
	var titles []string
	for id, head := range asked {
		if head.fields["content-type"] != "application/grpc" || len(head.fields["accesstoken"]) < 60 || head.fields["tenantid"] != w.org.OrgID() ||
			!strings.HasPrefix(head.fields["instanceurl"], "http://127.0.0.1:") {
			t.Errorf("headers of %s: %v", head.fields[":path"], keys(head.fields))
		}
		messages := grpcMessages(t, answered[id].data)
		switch head.fields[":path"] {
		case "/eventbus.v1.PubSub/GetTopic":
			m := protobuf(t, messages[0])
			schemaID = string(m[5][0])
			if string(m[1][0]) != versions || m[4][0][0] != 1 {
				t.Errorf("topic: %v", m)
			}
		case "/eventbus.v1.PubSub/GetSchema":
			w.must(json.Unmarshal(protobuf(t, messages[0])[1][0], &schema))
		case "/eventbus.v1.PubSub/Subscribe":
			ask := protobuf(t, grpcMessages(t, head.data)[0])
			if n, _ := protowire.ConsumeVarint(ask[4][0]); string(ask[1][0]) != versions || n != 100 {
				t.Errorf("asked: %v", ask)
			}
		default:
			t.Errorf("a call of %s", head.fields[":path"])
		}
	}
	for id, head := range asked {
		if head.fields[":path"] != "/eventbus.v1.PubSub/Subscribe" {
			continue
		}
		for _, message := range grpcMessages(t, answered[id].data) {
			for _, raw := range protobuf(t, message)[1] {
				consumer := protobuf(t, raw)
				event := protobuf(t, consumer[1][0])
				if string(event[2][0]) != schemaID {
					t.Errorf("schema %q, the topic has %q", event[2][0], schemaID)
				}
				r := &avroReader{Reader: bytes.NewReader(event[3][0]), names: map[string]any{}}
				record := r.value(schema).(map[string]any)
				if r.err != nil || r.Len() != 0 {
					t.Fatalf("%d bytes stay of an event: %v", r.Len(), r.err)
				}
				h := record["ChangeEventHeader"].(map[string]any)
				p := sim.Published{Topic: versions, Kind: h["changeType"].(string), Object: h["entityName"].(string), ReplayID: consumer[2][0]}
				for _, id := range h["recordIds"].([]any) {
					p.IDs = append(p.IDs, id.(string))
				}
				told = append(told, p)
				titles = append(titles, fmt.Sprint(p.Kind, " ", record["Title"], " ", record["ContentSize"], " ", record["IsLatest"], " ", h["changedFields"]))
			}
		}
	}
	var want []sim.Published
	for _, p := range w.org.Published() {
		if p.At = (sim.Published{}).At; p.Topic == versions {
			want = append(want, p)
		}
	}
	if !slices.EqualFunc(told, want, func(a, b sim.Published) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
		t.Errorf("on the wire:\n%v\npublished:\n%v", told, want)
	}
	// The second version makes the first one an old one: field 3 of the schema behind the header.
	if len(titles) != 3 || titles[0] != "CREATE Überweisung 🚗 3 true []" || !slices.Contains(titles[1:], "CREATE b 3 true []") ||
		!slices.ContainsFunc(titles[1:], func(s string) bool { return strings.HasPrefix(s, "UPDATE <nil> <nil> false [0x") }) {
		t.Errorf("%q", titles)
	}
}

func keys(m map[string]string) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

// tap is a connection with a listener in the middle.
type tap struct {
	listener net.Listener
	mu       sync.Mutex
	up, down bytes.Buffer
}

func (w *world) tap() *tap {
	w.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	w.Cleanup(func() { ln.Close() })
	tp := &tap{listener: ln}
	target := strings.TrimPrefix(w.conf.Address, "http://")
	go func() {
		client, err := ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", target)
		if err != nil {
			client.Close()
			return
		}
		carry := func(to, from net.Conn, copied *bytes.Buffer) {
			io.Copy(to, io.TeeReader(from, writer(func(p []byte) (int, error) {
				tp.mu.Lock()
				defer tp.mu.Unlock()
				return copied.Write(p)
			})))
			to.Close()
		}
		go carry(server, client, &tp.up)
		carry(client, server, &tp.down)
	}()
	return tp
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// stream is one direction of an HTTP/2 stream.
type stream struct {
	fields map[string]string
	data   []byte
}

// streams reads the frames of both directions, by the id of their stream.
func (tp *tap) streams(t *testing.T) (asked, answered map[uint32]*stream) {
	t.Helper()
	tp.mu.Lock()
	defer tp.mu.Unlock()
	up, has := bytes.CutPrefix(tp.up.Bytes(), []byte(http2.ClientPreface))
	if !has {
		t.Fatal("the client does not speak HTTP/2")
	}
	return frames(t, up), frames(t, tp.down.Bytes())
}

func frames(t *testing.T, raw []byte) map[uint32]*stream {
	t.Helper()
	out := map[uint32]*stream{}
	of := func(id uint32) *stream {
		if out[id] == nil {
			out[id] = &stream{fields: map[string]string{}}
		}
		return out[id]
	}
	fr := http2.NewFramer(io.Discard, bytes.NewReader(raw))
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := fr.ReadFrame()
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return out
		}
		if err != nil {
			t.Fatalf("a frame: %v", err)
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, f := range frame.Fields {
				of(frame.StreamID).fields[f.Name] = f.Value
			}
		case *http2.DataFrame:
			of(frame.StreamID).data = append(of(frame.StreamID).data, frame.Data()...)
		}
	}
}

// grpcMessages takes off the five bytes before each message.
func grpcMessages(t *testing.T, data []byte) (out [][]byte) {
	t.Helper()
	for len(data) >= 5 {
		n := int(binary.BigEndian.Uint32(data[1:]))
		if data[0] != 0 || len(data) < 5+n {
			t.Fatalf("a message of %d bytes, compressed %d, in %d", n, data[0], len(data))
		}
		out, data = append(out, data[5:5+n]), data[5+n:]
	}
	return out
}

// protobuf returns the values of a message by their number; those of a number or a bool as
// they are coded.
func protobuf(t *testing.T, raw []byte) map[protowire.Number][][]byte {
	t.Helper()
	out := map[protowire.Number][][]byte{}
	for len(raw) > 0 {
		num, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		raw = raw[n:]
		size := protowire.ConsumeFieldValue(num, kind, raw)
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		value := raw[:size]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(raw)
		}
		out[num], raw = append(out[num], value), raw[size:]
	}
	return out
}

// avroReader decodes Avro by the letter of its specification, and as simply as that allows.
// https://avro.apache.org/docs/1.11.1/specification/#binary-encoding
type avroReader struct {
	*bytes.Reader
	names map[string]any
	err   error
}

func (r *avroReader) long() int64 {
	u, err := binary.ReadUvarint(r)
	if err != nil {
		r.err = err
	}
	return int64(u>>1) ^ -int64(u&1)
}

func (r *avroReader) value(schema any) any {
	if r.err != nil {
		return nil
	}
	switch s := schema.(type) {
	case []any:
		return r.value(s[r.long()])
	case map[string]any:
		if name, named := s["name"].(string); named {
			r.names[name] = s
		}
		switch s["type"] {
		case "record":
			out := map[string]any{}
			for _, f := range s["fields"].([]any) {
				field := f.(map[string]any)
				out[field["name"].(string)] = r.value(field["type"])
			}
			return out
		case "enum":
			return s["symbols"].([]any)[r.long()]
		case "array":
			out := []any{}
			for n := r.long(); n != 0 && r.err == nil; n = r.long() {
				if n < 0 {
					n = -n
					r.long() // the size of the block
				}
				for range n {
					out = append(out, r.value(s["items"]))
				}
			}
			return out
		}
		return r.value(s["type"])
	}
	switch schema {
	case "null":
		return nil
	case "boolean":
		b, err := r.ReadByte()
		r.err = err
		return b == 1
	case "int", "long":
		return r.long()
	case "double":
		var b [8]byte
		_, r.err = io.ReadFull(r, b[:])
		return math.Float64frombits(binary.LittleEndian.Uint64(b[:]))
	case "string":
		b := make([]byte, r.long())
		_, r.err = io.ReadFull(r, b)
		return string(b)
	}
	if named, known := r.names[schema.(string)]; known {
		return r.value(named)
	}
	r.err = fmt.Errorf("a type %v", schema)
	return nil
}
