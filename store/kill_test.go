package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/store"
	"github.com/cordonhq/cordon/storetest"
	"github.com/cordonhq/cordon/storetest/pgcluster"
)

// What a process acknowledged is there after it was killed, whenever that was. The child
// is this test binary: it commits as fast as it can and prints what was acknowledged.

const childVar = "STORE_TEST_UNTIL_KILLED"

func TestMain(m *testing.M) {
	switch os.Getenv(childVar) {
	case "commit":
		commitUntilKilled()
		return
	case "read":
		readAlone()
		return
	case "work":
		workUntilKilled()
		return
	}
	os.Exit(m.Run())
}

func openChild() *store.DB {
	db, err := store.Open(context.Background(), store.Config{Path: os.Getenv("STORE_TEST_PATH"), URL: os.Getenv("STORE_TEST_URL"),
		OwnerURL: os.Getenv("STORE_TEST_OWNER"), WorkerURL: os.Getenv("STORE_TEST_WORKER"), SequencerURL: os.Getenv("STORE_TEST_SEQUENCER")})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	db.Authenticate(storetest.Marks(), false)
	return db
}

// workUntilKilled takes effects in hand, says so, and never gets on with them.
func workUntilKilled() {
	_, err := openChild().Work(context.Background(), store.WorkConfig{Node: "a", Lease: time.Hour, Handle: func(_ context.Context, e cordon.Effect) error {
		fmt.Println("began", e.ID)
		select {}
	}})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	select {}
}

// commitUntilKilled prints "item entry effect" for every commit that returned nil.
func commitUntilKilled() {
	db := openChild()
	var mu sync.Mutex
	for range 8 {
		go func() {
			for {
				c := storetest.Receive(storetest.NewItem("acme"))
				c.Effects = []cordon.Effect{cordon.NewEffect(cordon.EffectShred, c.Of)}
				if err := db.Commit(context.Background(), c, storetest.Move(c.Of, cordon.Received, cordon.Inspected)); err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println("ack", c.Of.ID, c.Entries[0].ID, c.Effects[0].ID)
				mu.Unlock()
			}
		}()
	}
	select {}
}

func TestKilledSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cordon.db")
	c := store.Config{Path: path}
	killAgainAndAgain(t, c, "STORE_TEST_PATH="+path)
}

func TestKilledPostgres(t *testing.T) {
	_, d := openPostgres(t)
	killAgainAndAgain(t, productionConfig(d), childOf(d)...)
}

func killAgainAndAgain(t *testing.T, conf store.Config, env ...string) {
	rounds := 10
	if testing.Short() {
		rounds = 2
	}
	func() {
		db, err := store.Open(t.Context(), conf)
		if err != nil {
			t.Fatal(err)
		}
		db.Authenticate(storetest.Marks(), false)
		defer db.Close()
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}()
	var acks [][]string
	for range rounds {
		acks = append(acks, runAndKill(t, env)...)
	}
	if len(acks) == 0 {
		t.Fatal("nothing was acknowledged in any round")
	}
	t.Logf("%d commits were acknowledged in %d lives", len(acks), rounds)

	db, err := store.Open(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	db.Authenticate(storetest.Marks(), false)
	defer db.Close()
	for _, ack := range acks {
		item, entry, effect := cordon.ID(ack[0]), cordon.ID(ack[1]), cordon.ID(ack[2])
		it, err := db.Item(t.Context(), "acme", item)
		if err != nil || it.State != cordon.Inspected || it.Version != 2 {
			t.Fatalf("item %s is %q, %v", item, it.State, err)
		}
		if _, err := db.EntryIndex(t.Context(), "acme", entry); err != nil {
			t.Fatal(err)
		}
		if e, err := db.Effect(t.Context(), "acme", effect); err != nil || e.State != store.EffectOwed {
			t.Fatalf("effect %s is %q, %v", effect, e.State, err)
		}
	}
	// What was not acknowledged is there whole or not at all: two entries and one effect
	// an item, all of them waiting for the log.
	counts, err := db.Census(t.Context(), "acme", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	n := counts.In(cordon.Inspected)
	pending, err := db.Pending(t.Context(), "acme", 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	owed, err := db.OwedEffects(t.Context(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	if len(counts.Stands) != 1 || n < len(acks) || len(pending) != 2*n || len(owed) != n {
		t.Fatalf("%d acknowledged; items %v, %d entries pending, %d effects owed", len(acks), counts.Stands, len(pending), len(owed))
	}
}

// runAndKill runs a child for a random while after its first acknowledgement and returns
// what it acknowledged.
func runAndKill(t *testing.T, env []string) [][]string {
	t.Helper()
	child, in := startChild(t, "commit", env)
	var acks [][]string
	for first := true; ; first = false {
		line, err := in.ReadString('\n')
		if err == io.EOF || err == nil && !strings.HasSuffix(line, "\n") {
			break // a line cut short by the kill is no acknowledgement
		}
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(line)
		if len(words) != 4 || words[0] != "ack" {
			child.Process.Kill()
			child.Wait()
			t.Fatalf("the child says %q", line)
		}
		acks = append(acks, words[1:])
		if first {
			time.AfterFunc(rand.N(150*time.Millisecond), func() { child.Process.Kill() })
		}
	}
	child.Wait() // it was killed; that is its status
	return acks
}

// startChild starts this test binary as a process that can be killed, and returns what it says.
func startChild(t *testing.T, what string, env []string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(append(os.Environ(), childVar+"="+what), env...)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	return child, bufio.NewReader(out)
}

// What a dead process had in hand is taken over by the next one of the same node at once, long
// before the lease would end.
func TestWorkTakesOver(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cordon.db")
		takeOver(t, store.Config{Path: path}, "STORE_TEST_PATH="+path)
	})
	t.Run("postgres", func(t *testing.T) {
		d := pgcluster.Start(t)
		takeOver(t, productionConfig(d), childOf(d)...)
	})
}

func childOf(d pgcluster.Database) []string {
	return []string{"STORE_TEST_URL=" + d.App, "STORE_TEST_OWNER=" + d.Owner, "STORE_TEST_WORKER=" + d.Worker, "STORE_TEST_SEQUENCER=" + d.Sequencer}
}

func takeOver(t *testing.T, conf store.Config, env ...string) {
	var owed cordon.Effect
	func() { // nobody else has the file while the child has it
		db, err := store.Open(t.Context(), conf)
		if err != nil {
			t.Fatal(err)
		}
		db.Authenticate(storetest.Marks(), false)
		defer db.Close()
		c := storetest.Receive(storetest.NewItem("acme"))
		owed = cordon.NewEffect(cordon.EffectShred, c.Of)
		c.Effects = []cordon.Effect{owed}
		if err := errors.Join(db.Migrate(t.Context()), db.Commit(t.Context(), c)); err != nil {
			t.Fatal(err)
		}
	}()
	child, says := startChild(t, "work", env)
	line, err := says.ReadString('\n')
	child.Process.Kill()
	child.Wait() // it was killed; that is its status
	if err != nil || line != "began "+string(owed.ID)+"\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}

	db := openConfig(t, conf)
	done := make(chan cordon.Effect, 1)
	r, err := db.Work(t.Context(), store.WorkConfig{Node: "a", Lease: time.Hour, Handle: func(ctx context.Context, e cordon.Effect) error {
		c := storetest.Move(e.Of, cordon.Received, cordon.Received)
		c.Done = []cordon.ID{e.ID}
		err := db.Commit(context.WithoutCancel(ctx), c)
		if err == nil {
			done <- e
		}
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	select {
	case e := <-done:
		if e.ID != owed.ID || e.Attempts != 2 {
			t.Errorf("taken over: %s at attempt %d", e.ID, e.Attempts)
		}
	case <-time.After(5 * time.Minute): // far from the end of the lease
		t.Fatal("it was not taken over")
	}
}
