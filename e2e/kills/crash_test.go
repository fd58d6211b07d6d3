package kills_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/e2e"
	"github.com/cordonhq/cordon/salesforce/sim"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// TestKilledAtRandom kills the gateway without warning, again and again, while clients
// upload and a reviewer releases, and then holds everybody's word against the facts: no
// receipt without its item, nothing twice upstream, the ledger whole, and nothing stuck but
// what is shown as unsettled.
func TestKilledAtRandom(t *testing.T) {
	kills := 50
	if n, err := strconv.Atoi(os.Getenv("CORDON_KILLS")); err == nil {
		kills = n
	} else if testing.Short() {
		kills = 5
	}
	t.Run("SQLite", func(t *testing.T) { killed(t, kills, app.DatabaseConfig{}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		db := pgcluster.Start(t)
		killed(t, kills, app.DatabaseConfig{URL: db.App, OwnerURL: db.Owner, WorkerURL: db.Worker, SequencerURL: db.Sequencer})
	})
}

// victim is a gateway that clients of these tests use while it is killed.
type victim struct{ *e2e.Victim }

// said is what a client was told about one file.
type said struct {
	title   string
	sum     [32]byte
	created string // id, "" if not told
	receipt string // of a hold or a delivery, "" if not told
	again   bool   // told to come again
}

func killed(t *testing.T, kills int, db app.DatabaseConfig) {
	v := &victim{e2e.NewVictim(t, db, 5*time.Second)}

	var mu sync.Mutex
	var told []said
	released := map[string]bool{}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for k := range kills {
		passed := created(told)
		v.Start()
		stop := make(chan struct{})
		var clients sync.WaitGroup
		for c := range 4 {
			clients.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					s := v.uploadOnce(fmt.Sprintf("k%d-c%d-%d", k, c, i), i%3 == 0)
					mu.Lock()
					told = append(told, s)
					mu.Unlock()
					if s.again { // overload stays with the sender, who paces himself
						time.Sleep(20 * time.Millisecond)
					}
				}
			})
		}
		clients.Go(func() { // the reviewer
			for {
				select {
				case <-stop:
					return
				case <-time.After(30 * time.Millisecond):
				}
				mu.Lock()
				var id string
				for i := len(told) - 1; i >= 0 && id == ""; i-- {
					if s := told[i]; s.created == "" && s.receipt != "" && !released[s.receipt] {
						id = s.receipt
						released[id] = true
					}
				}
				mu.Unlock()
				if id != "" {
					v.releaseOnce(id)
				}
			}
		})
		// Two rounds in three go on until clients were answered a few times more, however slow the
		// machine is, so that the kill meets uploads at all their steps; the others end early.
		if k%3 != 0 {
			mu.Lock()
			want := answers(told) + 1 + rnd.IntN(8)
			mu.Unlock()
			v.Until("clients to be answered", func() bool {
				mu.Lock()
				defer mu.Unlock()
				return answers(told) >= want && k%3 == 1 || created(told) > passed
			})
		}
		time.Sleep(time.Duration(rnd.IntN(300)) * time.Millisecond)
		v.Kill()
		close(stop)
		clients.Wait()
	}

	// Whatever the kills left of them, uploads pass afterwards.
	v.Start()
	v.Until("everything in mid-move to be settled", func() bool {
		return len(v.Items("received,inspected,forwarding,released")) == 0
	})
	v.judge(told)
	v.End()

	if db.URL == "" {
		reports, err := app.Verification{Path: filepath.Join(v.Dir, "data"), Keys: filepath.Join(v.Dir, "keys")}.Run(t.Context())
		if err != nil || len(reports) != 1 || reports[0].Entries == 0 {
			t.Errorf("ledger verify: %v %+v", err, reports)
		} else {
			t.Logf("ledger verified: %d entries under %d checkpoints", reports[0].Entries, reports[0].Checkpoints)
		}
	} else if reports, err := (app.Verification{DatabaseURL: db.SequencerURL, Keys: filepath.Join(v.Dir, "keys")}).Run(t.Context()); err != nil || len(reports) != 1 {
		t.Errorf("ledger verify: %v %+v", err, reports)
	} else {
		t.Logf("ledger verified: %d entries under %d checkpoints", reports[0].Entries, reports[0].Checkpoints)
	}
}

// answers counts clients that were told what became of their file.
func answers(told []said) (n int) {
	for _, s := range told {
		if s.receipt != "" && !s.again {
			n++
		}
	}
	return n
}

// created counts clients that were told an id.
func created(told []said) (n int) {
	for _, s := range told {
		if s.created != "" {
			n++
		}
	}
	return n
}

// uploadOnce sends a file of its own once, as a client that does not retry.
func (v *victim) uploadOnce(title string, generated bool) said {
	data := e2e.Media.Camera.Bytes
	if generated {
		data = e2e.Media.Generated.Bytes
	}
	data = append(append([]byte(nil), data...), title...) // a file of its own
	s := said{title: title, sum: sha256.Sum256(data)}
	a, err := v.UploadMultipart(title, title+".jpg", data)
	if err != nil {
		return s
	}
	s.receipt, s.again = a.Receipt, a.Status == http.StatusServiceUnavailable
	if a.Status == http.StatusCreated {
		s.created = a.ID()
	}
	return s
}

func (v *victim) releaseOnce(id string) {
	req, err := http.NewRequest("POST", v.Console+"/v1/items/"+id+"/release", e2e.JsonBody(map[string]string{"reason": "genuine"}))
	if err != nil {
		return
	}
	req.Header.Set("Authorization", "Bearer "+v.Token)
	req.Header.Set("Content-Type", "application/json")
	_, _ = v.Do(req)
}

// judge compares what clients were told, what Cordon says and what the org has.
func (v *victim) judge(told []said) {
	t := v.T
	upstream := map[string][]sim.File{}
	for _, f := range v.Org.Files() {
		upstream[f.Name] = append(upstream[f.Name], f)
	}
	items := map[string]e2e.ItemJSON{}
	states := map[cordon.State]int{}
	owned := map[string]bool{}
	for _, it := range v.Items("") {
		items[string(it.ID)] = it
		states[it.State]++
		owned[it.UpstreamID] = true
	}
	created, held := 0, 0
	for _, s := range told {
		up := upstream[s.title]
		if len(up) > 1 {
			t.Errorf("%s is in the org %d times", s.title, len(up))
		}
		if s.created != "" {
			created++
			if len(up) != 1 || up[0].ID != s.created || up[0].SHA256 != s.sum {
				t.Errorf("%s was answered with id %s and the org has %+v", s.title, s.created, up)
			}
		}
		if s.receipt == "" {
			continue
		}
		it, ok := items[s.receipt]
		if !ok {
			t.Errorf("%s got receipt %s, and there is no such item", s.title, s.receipt)
			continue
		}
		if s.created == "" && !s.again {
			held++
		}
		switch it.State {
		case cordon.Erased:
			if !s.again || len(up) != 0 {
				t.Errorf("%s is erased, its sender was told to come again: %v, and the org has it %d times", s.title, s.again, len(up))
			}
		case cordon.Delivered:
			if len(up) != 1 || up[0].ID != it.UpstreamID || up[0].SHA256 != s.sum {
				t.Errorf("%s is delivered as %s and the org has %+v", s.title, it.UpstreamID, up)
			}
		case cordon.Held, cordon.RefusedUpstream:
			if len(up) != 0 {
				t.Errorf("%s is %s and the org has it", s.title, it.State)
			}
		case cordon.Unsettled:
		default:
			t.Errorf("%s got receipt %s, which is now %s", s.title, s.receipt, it.State)
		}
	}
	unknown := 0
	for title, up := range upstream {
		if !owned[up[0].ID] {
			unknown++
			t.Logf("%s is in the org as %s and no item says so", title, up[0].ID)
		}
	}
	if unknown > states[cordon.Unsettled] {
		t.Errorf("%d files are in the org that no item accounts for, and only %d items are unsettled", unknown, states[cordon.Unsettled])
	}
	t.Logf("%d uploads, %d answered with an id, %d held; items now: %v", len(told), created, held, states)
	if created == 0 || held == 0 {
		t.Errorf("the test proved nothing: %d created, %d held", created, held)
	}
}
