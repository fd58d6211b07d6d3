package app

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/decide"
	"github.com/cordonhq/cordon/flow"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/mediatest"
)

// nested puts a file into so many archives.
func nested(t *testing.T, b []byte, deep int) []byte {
	t.Helper()
	for i := range deep {
		var out bytes.Buffer
		z := zip.NewWriter(&out)
		w, err := z.Create(fmt.Sprintf("%d.zip", i))
		if err == nil {
			_, err = w.Write(b)
		}
		if err != nil || z.Close() != nil {
			t.Fatal(err)
		}
		b = out.Bytes()
	}
	return b
}

// crowd is an archive with so many small pictures in front of the last file.
func crowd(t *testing.T, last []byte, before int) []byte {
	t.Helper()
	small := mediatest.JPEG(t, 8, 8)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i := range before + 1 {
		w, err := z.Create(fmt.Sprintf("%d", i))
		b := small
		if i == before {
			b = last
		}
		if err == nil {
			_, err = w.Write(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestFurther lets a marked picture pass, watched, where it lies just beyond a limit, and finds it
// when it is looked at with more room: late, or at once where nobody waits. On routes of identity
// it is held at once.
func TestFurther(t *testing.T) {
	made := mediatest.EXIF(mediatest.JPEG(t, 40, 30), mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(305, "Adobe Firefly 3")}))
	var of lanes
	inFront, err := detectors(Trust{}, nobody, watermark.Config{})
	if err != nil {
		t.Fatal(err)
	}
	beside, err := detectors(Trust{}, nobody, watermark.Config{Search: true})
	if err != nil {
		t.Fatal(err)
	}
	of.inFront, of.beside = inspect.New(inFront, inspect.Config{}), inspect.New(beside, inspect.Config{})
	of.late, of.further = newLateLane(beside, 0), newFurther(beside, 0)
	e := examiner{inspectors: map[cordon.TenantID]lanes{"clinic": of}, queue: inspect.NewQueue(inspect.QueueConfig{}),
		latePixels: media.NewBudget(latePixels), furtherOne: make(chan struct{}, 1)}
	item := cordon.Item{Route: "portal", Channel: cordon.ChannelPortal, Fail: cordon.FailHold, Modality: cordon.Other}
	for name, b := range map[string][]byte{"too deep": nested(t, made, 6), "too many": crowd(t, made, 1000)} {
		c := held{bytes.NewReader(b)}
		_, found, err := e.Examine(t.Context(), c, flow.Hint{Tenant: "clinic", Waited: true})
		if err != nil {
			t.Fatal(err)
		}
		v := decide.Default().Decide(item, found)
		if v.Action != cordon.Watch || v.Outcome != cordon.CannotTell || !slices.Contains(v.Reasons, cordon.ReasonLimit) || !slices.ContainsFunc(found, cordon.Finding.Further) {
			t.Errorf("%s, while somebody waits: %+v", name, v)
		}
		identity := item
		identity.Class = cordon.ClassIdentity
		if v := decide.Default().Decide(identity, found); v.Action != cordon.Hold {
			t.Errorf("%s, of an identity: %+v", name, v)
		}
		late := e.ExamineLate(t.Context(), c, flow.Hint{Tenant: "clinic", Further: true})
		if v := decide.Default().Decide(item, late); v.Outcome != cordon.Synthetic || slices.Contains(v.Reasons, cordon.ReasonLimit) {
			t.Errorf("%s, late: %+v", name, v)
		}
		if ordinary := e.ExamineLate(t.Context(), c, flow.Hint{Tenant: "clinic"}); decide.Default().Decide(item, ordinary).Outcome == cordon.Synthetic {
			t.Errorf("%s: found late without more room, so that it tells nothing", name)
		}
		_, found, err = e.Examine(t.Context(), c, flow.Hint{Tenant: "clinic"})
		if v := decide.Default().Decide(item, found); err != nil || v.Outcome != cordon.Synthetic {
			t.Errorf("%s, where nobody waits: %+v, %v", name, v, err)
		}
	}
}
