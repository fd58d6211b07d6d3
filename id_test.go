package cordon

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestIDsSortByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		last := NewID(PrefixItem)
		for _, step := range []time.Duration{time.Millisecond, time.Second, time.Hour, 365 * 24 * time.Hour, 50 * 365 * 24 * time.Hour} {
			time.Sleep(step)
			next := NewID(PrefixItem)
			if next <= last {
				t.Errorf("%s came after %s, %v later", next, last, step)
			}
			last = next
		}
	})
}

func TestIDsDiffer(t *testing.T) {
	seen := map[ID]bool{}
	for range 10000 {
		id := NewID(PrefixEntry)
		if seen[id] {
			t.Fatalf("%s twice", id)
		}
		seen[id] = true
		if got, err := ParseID(PrefixEntry, string(id)); err != nil || got != id {
			t.Fatalf("ParseID(%s) = %s, %v", id, got, err)
		}
	}
}

func TestParseID(t *testing.T) {
	id := NewID(PrefixItem)
	if got, err := ParseID(PrefixItem, "  "+strings.ToUpper(string(id))+"\n"); err != nil || got != id {
		t.Errorf("typed in capitals: %s, %v", got, err)
	}
	letters := string(id)[4:]
	for _, s := range []string{"", "itm_", letters, "ent_" + letters, "itm_" + letters[1:], "itm_" + letters + "0",
		"itm_" + letters[1:] + "u", "itm_" + letters[1:] + "l", "itm-" + letters, "itm_" + letters[2:] + "é"} {
		if _, err := ParseID(PrefixItem, s); !errors.Is(err, ErrInvalid) {
			t.Errorf("ParseID(%q): %v, want ErrInvalid", s, err)
		}
	}
}
