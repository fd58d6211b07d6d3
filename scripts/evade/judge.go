package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/app"
	"github.com/cordonhq/cordon/decide"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/marks"
	"github.com/cordonhq/cordon/media"
)

// judge looks at files as "cordon scan" does.
type judge struct {
	inspector *inspect.Inspector
	policy    *decide.Policy
	limits    media.Limits
}

func newJudge() (*judge, error) {
	// What is measured is what is found, not how fast or when.
	look := app.Look{Budget: 2 * time.Minute, At: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	inspector, policy, err := look.Open()
	if err != nil {
		return nil, err
	}
	limits, _ := look.Limits()
	return &judge{inspector, policy, limits}, nil
}

// verdict says what would become of a file, and why.
func (j *judge) verdict(ctx context.Context, name string, b []byte) (cordon.Verdict, error) {
	m, err := media.Open(bytes.NewReader(b), int64(len(b)), j.limits)
	if err != nil {
		return cordon.Verdict{}, err
	}
	defer m.Close()
	return j.decide(ctx, name, m), ctx.Err()
}

func (j *judge) decide(ctx context.Context, name string, m *media.Media) cordon.Verdict {
	v, _ := j.look(ctx, name, m)
	return v
}

func (j *judge) look(ctx context.Context, name string, m *media.Media) (cordon.Verdict, []cordon.Finding) {
	m.Declared, m.Admitted = media.Declared{Name: name}, time.Now()
	found := j.inspector.Inspect(ctx, m)
	item := cordon.Item{Route: "scan", Channel: cordon.ChannelAPI, Mode: cordon.ModeInline, Fail: cordon.FailHold,
		Class: cordon.ClassOther, Size: m.Size(), MediaType: m.MediaType(), Modality: m.Modality()}
	return j.policy.Decide(item, found), found
}

// reading is everything that is made of a file: what the checks find, what the file is made of,
// and the picture. Times and digests of the whole are no part of it, since every change changes those.
type reading struct{ findings, fields, anatomy, pixels string }

func (j *judge) read(ctx context.Context, name string, b []byte) (reading, error) {
	m, err := media.Open(bytes.NewReader(b), int64(len(b)), j.limits)
	if err != nil {
		return reading{}, err
	}
	defer m.Close()
	_, found := j.look(ctx, name, m)
	var r reading
	for _, f := range found {
		detail, _ := json.Marshal(f.Detail)
		r.findings += fmt.Sprintln(f.Detector, f.Status, f.Label, f.Sentence, f.Look, string(detail))
	}
	fields, over, _, err := marks.Fields(ctx, m)
	if err != nil {
		return r, err
	}
	r.fields = fmt.Sprint(fields, over)
	a, err := m.Anatomy(ctx)
	if err != nil {
		return r, err
	}
	r.anatomy = fmt.Sprintln(m.Type, a.Ranges, a.More)
	for _, c := range a.Children {
		content, n := c.Open(m)
		b := make([]byte, n)
		content.ReadAt(b, 0)
		r.anatomy += fmt.Sprintln(c.Name, c.Off, c.Len, c.Look, sha256.Sum256(b))
	}
	if p, err := m.Pixels(ctx); err == nil {
		r.pixels = fmt.Sprint(sha256.Sum256([]byte(fmt.Sprint(p))))
	}
	return r, ctx.Err()
}
