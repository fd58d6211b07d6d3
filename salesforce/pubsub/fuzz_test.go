package pubsub

import (
	"log/slog"
	"testing"

	"github.com/cordonhq/cordon/salesforce"
)

// What a service sends is a stranger's: a schema and an event of any bytes either decode to
// ids that are ids, or do not decode.
func FuzzDecode(f *testing.F) {
	const header = `{"name":"ChangeEventHeader","type":{"type":"record","name":"H","fields":[{"name":"entityName","type":"string"},` +
		`{"name":"recordIds","type":{"type":"array","items":"string"}},{"name":"changeType","type":{"type":"enum","name":"T","symbols":["CREATE","GAP_CREATE"]}},` +
		`{"name":"commitTimestamp","type":"long"}]}}`
	f.Add(`{"type":"record","name":"E","fields":[`+header+`,{"name":"Title","type":["null","string"]}]}`,
		[]byte("\x08Case\x02\x24500000000000001AAA\x00\x00\x02\x02\x02a"))
	f.Add(`{"type":"record","name":"E","fields":[`+header+`,{"name":"Next","type":["null","E"]}]}`, []byte("\x08Case\x00\x02\x02\x02\x02\x02\x02"))
	f.Add(`{"type":"record","name":"E","fields":[`+header+`,{"name":"Many","type":{"type":"array","items":"null"}}]}`,
		[]byte("\x08Case\x00\x00\x02\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add(`["null",{"type":"map","values":"long"}]`, []byte{2, 1, 2, 3})
	f.Add(`"string"`, []byte("\x02a"))
	f.Fuzz(func(t *testing.T, schema string, payload []byte) {
		s, err := parseSchema(schema)
		if err != nil {
			return
		}
		e, err := decode(s, payload)
		if err != nil {
			return
		}
		if !salesforce.IsName(e.Entity) || len(e.Records) > mostRecords {
			t.Errorf("%+v", e)
		}
		for _, id := range e.Records {
			if !salesforce.IsID(id) {
				t.Errorf("%q is no id", id)
			}
		}
	})
}

// What is out of bounds or of another shape does not decode, and is no error that repeats.
func TestDecodeBounds(t *testing.T) {
	if _, err := parseSchema(string(make([]byte, maxSchema+1))); err == nil {
		t.Error("a schema of more than 1 MB was read")
	}
	s, err := parseSchema(`{"type":"record","name":"E","fields":[{"name":"Text__c","type":"string"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for what, payload := range map[string][]byte{"no header": []byte("\x02a"), "too short": []byte("\x08a"), "too large": make([]byte, maxPayload+1)} {
		if e, err := decode(s, payload); err == nil {
			t.Errorf("%s: %+v", what, e)
		}
	}
	c := &Client{conf: Config{Log: slog.New(slog.DiscardHandler)}}
	for _, id := range []string{"", string(make([]byte, 300))} {
		if s, err := c.schema(t.Context(), id); s != nil || err != nil {
			t.Errorf("the schema %q: %v, %v", id, s, err)
		}
	}
}
