package sim_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/twmb/avro"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/cordonhq/cordon/salesforce/pubsub/eventbus"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// told is what the org published, in short.
func (d *desk) told() (out []string) {
	for _, p := range d.org.Published() {
		out = append(out, fmt.Sprint(p.Kind, " ", p.Object, " ", len(p.IDs)))
	}
	return out
}

// One transaction tells of each record once: of what it was made, if it was made, and not at
// all if that was undone. Records that go together are one event.
func TestChangeEventsOfATransaction(t *testing.T) {
	conf := sim.Demo()
	conf.ChangeEvents = []string{"Account", "ContentVersion"}
	conf.Users = append([]sim.User{conf.Users[2]}, conf.Users...)
	d := open(t, conf)
	made := d.send("POST", "/sobjects/Account", `{"Name":"one"}`).want(201)["id"].(string)
	other := d.send("POST", "/sobjects/Account", `{"Name":"two"}`).want(201)["id"].(string)
	d.send("POST", "/sobjects/Case", `{"Subject":"nobody selected cases"}`).want(201)
	patch := func(field string) string {
		return `{"method":"PATCH","url":"` + v64 + `/sobjects/Account/` + made + `","referenceId":"` + field + `","body":{"` + field + `":"x"}}`
	}
	d.send("POST", "/composite", `{"allOrNone":true,"compositeRequest":[`+patch("Industry")+`,`+patch("Phone")+`]}`).want(200)
	d.send("POST", "/composite/sobjects", `{"allOrNone":true,"records":[{"attributes":{"type":"Account"},"Name":"three"},{"attributes":{"type":"Account"}}]}`)
	d.send("POST", "/composite", `{"allOrNone":true,"compositeRequest":[{"method":"POST","url":"`+v64+`/sobjects/Account","referenceId":"a","body":{"Name":"gone"}},`+
		`{"method":"DELETE","url":"`+v64+`/sobjects/Account/@{a.id}","referenceId":"b"}]}`).want(200)
	d.send("DELETE", "/composite/sobjects?ids="+made+","+other, nil)
	if _, _, err := d.org.Upload("a.png", []byte("a")); err != nil {
		t.Fatal(err)
	}
	if got, want := d.told(), []string{"CREATE Account 1", "CREATE Account 1", "UPDATE Account 1", "DELETE Account 2", "CREATE ContentVersion 1"}; !slices.Equal(got, want) {
		t.Errorf("published %q, want %q", got, want)
	}
	d.org.Reset()
	if got := d.told(); len(got) != 0 {
		t.Errorf("after a reset: %q", got)
	}
}

// A platform event comes with its own schema, and strangers get nothing.
func TestPlatformEventOverPubSub(t *testing.T) {
	conf := sim.Demo()
	conf.Schema = "event Notice__e e99\n  Text__c string 100\n  Count__c int\n  Open__c boolean\n"
	d := open(t, conf)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := d.org.PubSub()
	go server.Serve(ln)
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(ln.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	rpc := eventbus.NewPubSubClient(conn)
	as := func(token, org string) context.Context {
		return metadata.AppendToOutgoingContext(t.Context(), "accesstoken", token, "instanceurl", d.server.URL, "tenantid", org)
	}
	ctx := as(d.token, d.org.OrgID())
	ask := &eventbus.TopicRequest{TopicName: "/event/Notice__e"}
	for what, stranger := range map[string]context.Context{"nobody": t.Context(), "a made-up token": as("x", d.org.OrgID()), "another org's": as(d.token, "00D000000000001AAA")} {
		if _, err := rpc.GetTopic(stranger, ask); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s: %v", what, err)
		}
	}
	topic, err := rpc.GetTopic(ctx, ask)
	if err != nil || !topic.GetCanSubscribe() {
		t.Fatalf("%v, %v", topic, err)
	}
	stream, err := rpc.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&eventbus.FetchRequest{TopicName: ask.GetTopicName(), ReplayPreset: eventbus.ReplayPreset_EARLIEST, NumRequested: 1}); err != nil {
		t.Fatal(err)
	}
	d.send("POST", "/sobjects/Notice__e", `{"Text__c":"hello","Count__c":7}`).want(201)
	d.send("POST", "/sobjects/Notice__e", `{"Text__c":"one too many"}`).want(201)
	m, err := stream.Recv()
	if err != nil || len(m.GetEvents()) != 1 || m.GetPendingNumRequested() != 0 {
		t.Fatalf("%v, %v", m, err)
	}
	info, err := rpc.GetSchema(ctx, &eventbus.SchemaRequest{SchemaId: m.GetEvents()[0].GetEvent().GetSchemaId()})
	if err != nil || info.GetSchemaId() != topic.GetSchemaId() {
		t.Fatalf("%v, %v", info, err)
	}
	var got map[string]any
	if _, err := avro.MustParse(info.GetSchemaJson()).Decode(m.GetEvents()[0].GetEvent().GetPayload(), &got); err != nil {
		t.Fatal(err)
	}
	if got["Text__c"] != "hello" || got["Count__c"] != int32(7) || got["Open__c"] != nil || got["CreatedById"] != d.org.UserID(conf.Users[0].Username) {
		t.Errorf("%v", got)
	}
	if err := stream.Send(&eventbus.FetchRequest{TopicName: "/event/Other__e", NumRequested: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument {
		t.Errorf("another topic in the same stream: %v", err)
	}
}
