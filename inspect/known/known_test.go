package known_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/known"
	"github.com/cordonhq/cordon/media/mediatest"
)

func TestKnown(t *testing.T) {
	file := []byte("bytes that a list may have")
	lists := map[[32]byte]string{}
	d := known.New(func(_ context.Context, sum [32]byte) (string, bool, error) {
		label, ok := lists[sum]
		return label, ok, nil
	})
	for _, test := range []struct {
		entry  string
		listed bool
		want   cordon.Label
	}{
		{"", false, cordon.LabelNotKnown},
		{"campaign-7", true, cordon.LabelKnownFile},
		{"", true, cordon.LabelKnownFile},
		{known.Lawful, true, cordon.LabelKnownLawful},
	} {
		clear(lists)
		if test.listed {
			lists[sha256.Sum256(file)] = test.entry
		}
		found, err := d.Inspect(context.Background(), mediatest.OpenBytes(t, file))
		if err != nil || len(found) != 1 || found[0].Label != test.want {
			t.Errorf("%+v: got %+v %v", test, found, err)
		}
		if (found[0].Status == cordon.StatusFound) != test.listed {
			t.Errorf("%+v: status %s", test, found[0].Status)
		}
	}
}

// The digest that intake computed is used; the bytes are not read again.
func TestDigestFromIntake(t *testing.T) {
	want := [32]byte{1, 2, 3}
	m := mediatest.OpenBytes(t, []byte("x"))
	m.SetDigest(want)
	d := known.New(func(_ context.Context, sum [32]byte) (string, bool, error) {
		if sum != want {
			t.Errorf("asked for %x", sum)
		}
		return "", false, nil
	})
	if _, err := d.Inspect(context.Background(), m); err != nil {
		t.Fatal(err)
	}
}

func TestSilentListIsAnError(t *testing.T) {
	broken := errors.New("database is gone")
	d := known.New(func(context.Context, [32]byte) (string, bool, error) { return "", false, broken })
	if found, err := d.Inspect(context.Background(), mediatest.OpenBytes(t, []byte("x"))); !errors.Is(err, broken) || found != nil {
		t.Errorf("got %v %v", found, err)
	}
	if _, err := known.New(nil).Inspect(context.Background(), mediatest.OpenBytes(t, []byte("x"))); err == nil {
		t.Error("without lists everything is unknown, and that passed silently")
	}
}
