package doctor_test

import (
	"net"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/doctor"
	"github.com/cordonhq/cordon/salesforce/sim"
)

// Whether the org tells of changes is tried at the Pub/Sub API itself.
func TestTopics(t *testing.T) {
	serve := func(p *place) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			p.Fatal(err)
		}
		server := p.org.PubSub()
		go server.Serve(ln)
		p.Cleanup(server.Stop)
		p.conf.Orgs[0].PubSub = "http://" + ln.Addr().String()
	}
	p := newPlace(t, licensed())
	serve(p)
	r := p.run()
	p.expect(r, map[string]doctor.State{"events ContentVersion": doctor.OK, "events ContentDocumentLink": doctor.OK})
	if l := line(t, r, "events ContentVersion"); !strings.Contains(l.Evidence, "GetTopic /data/ContentVersionChangeEvent") || l.Do != "" {
		t.Errorf("%+v", l)
	}

	poor := newPlace(t, licensed())
	poor.conf.Orgs[0].PubSub = "http://127.0.0.1:1"
	r = poor.run()
	poor.expect(r, map[string]doctor.State{"events ContentVersion": doctor.Unknown})
	if !r.Ready {
		t.Error("Cordon does without events")
	}

	conf := licensed()
	for i := range conf.Users {
		conf.Users[i].Profile.QueryAllFiles = false
	}
	narrow := newPlace(t, conf)
	serve(narrow)
	narrow.expect(narrow.run(), map[string]doctor.State{"events ContentVersion": doctor.Missing})

	none := newPlace(t, sim.Demo())
	serve(none)
	none.expect(none.run(), map[string]doctor.State{"events ContentVersion": doctor.Missing})
}
