package marks

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/media/mediatest"
)

// A file in which the search was not ended says so, and is never one in which nothing was found.
func TestEndOfSearchIsTold(t *testing.T) {
	decoys := strings.Repeat("Job ID: 2b6e053b-9a65-4ca9-9e13-b6f4465164d4\n", 20_000)
	b := mediatest.Text(mediatest.PNG(t, 8, 8), "Description", decoys+" --v 5 Job ID: 2b6e053b-9a65-4ca9-9e13-b6f4465164d4")
	found, err := New(Config{}).Inspect(t.Context(), mediatest.OpenBytes(t, b))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(found, func(f cordon.Finding) bool { return f.Label == cordon.LabelLimit }) {
		t.Errorf("%+v", found)
	}
}

// giveUp is a context that ends when it has been asked so many times.
type giveUp struct {
	context.Context
	after, asked int
}

func (g *giveUp) Err() error {
	if g.asked++; g.asked > g.after {
		return context.Canceled
	}
	return nil
}

// The moment nobody waits any more, no reader goes on.
func TestNoWorkWhenNobodyWaits(t *testing.T) {
	for name, file := range bombs(t) {
		t.Run(name, func(t *testing.T) {
			ctx := &giveUp{Context: t.Context(), after: 3}
			if _, err := New(Config{}).Inspect(ctx, mediatest.OpenBytes(t, file)); err == nil {
				t.Error("there was an answer although nobody waited")
			}
			if more := ctx.asked - ctx.after; more > 200 {
				t.Errorf("it went on through %d further steps", more)
			}
		})
	}
}

var made struct {
	once  sync.Once
	bombs map[string][]byte
}

// bombs are files of which small parts come to much.
func bombs(t testing.TB) map[string][]byte {
	made.once.Do(func() { made.bombs = makeBombs(t) })
	return made.bombs
}

func makeBombs(t testing.TB) map[string][]byte {
	png, jpg := mediatest.PNG(t, 8, 8), mediatest.JPEG(t, 8, 8)
	packet := func(s string) []byte {
		return mediatest.Chunk(png, "zTXt", append([]byte("XML:com.adobe.xmp\x00\x00"), mediatest.Deflate([]byte(s))...))
	}
	rdf := `<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">`
	options, zeros := png, png
	for range 8 {
		options = mediatest.Chunk(options, "zTXt", append([]byte("Description\x00\x00"), mediatest.Deflate([]byte(strings.Repeat(" --v ", 50_000)))...))
	}
	for range 8 {
		zeros = mediatest.Chunk(zeros, "zTXt", append([]byte("Comment\x00\x00"), mediatest.Deflate(make([]byte, 4<<20))...))
	}
	var attributes strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&attributes, ` a%d="v"`, i)
	}
	var comments = jpg
	for range 300 {
		comments = mediatest.Segment(comments, 0xFE, bytes.Repeat([]byte("Steps: 1, Steps: 2, "), 3000))
	}
	var entities strings.Builder
	entities.WriteString("<!DOCTYPE x [")
	for i := range 1000 {
		fmt.Fprintf(&entities, `<!ENTITY e%d "&e%d;&e%d;&e%d;">`, i+1, i, i, i)
	}
	return map[string][]byte{
		"options without a job": options,
		"blocks of zeros":       zeros,
		"comments":              comments,
		"attributes":            packet(rdf + "<rdf:Description" + attributes.String() + "/></x:xmpmeta>"),
		"elements":              packet(rdf + strings.Repeat("<rdf:li>", 60) + strings.Repeat("<rdf:li/>", 400_000)),
		"depth":                 packet(strings.Repeat("<a>", 1_000_000)),
		"entities":              packet(entities.String() + "]>" + rdf + "<a>&e1000;</a></x:xmpmeta>"),
		"source types":          packet("<" + strings.Repeat("DigitalSourceType ", 200_000)),
		"SVG":                   []byte(`<svg xmlns="http://www.w3.org/2000/svg">` + strings.Repeat("<x:xmpmeta><g>", 250_000)),
	}
}

// Such files are answered, from as much of them as is read, and what is read has an end.
func TestWorkIsBounded(t *testing.T) {
	for name, file := range bombs(t) {
		t.Run(name, func(t *testing.T) {
			m := mediatest.OpenBytes(t, file)
			f := fields{ctx: t.Context(), left: maxBlocks}
			readers[m.Type](&f, m)
			if len(f.all) > maxFields || f.text > maxText || f.left < -maxBlock-1 {
				t.Errorf("%d fields, %d bytes, %d left", len(f.all), f.text, f.left)
			}
			found, err := New(Config{}).Inspect(t.Context(), m)
			if err != nil || len(found) == 0 {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

// What runs when the budget ends ends too: no check of such a file stays behind its answer.
func TestNothingStaysBehind(t *testing.T) {
	for name, file := range bombs(t) {
		look := inspect.New([]inspect.Detector{New(Config{})}, inspect.Config{Budget: time.Millisecond})
		look.Inspect(t.Context(), mediatest.OpenBytes(t, file))
		for look.Abandoned() > 0 {
			select {
			case <-t.Context().Done():
				t.Fatalf("%s: a check is still running", name)
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// BenchmarkBombs is what a byte of a file costs that was written to cost much.
func BenchmarkBombs(b *testing.B) {
	for name, file := range bombs(b) {
		b.Run("file/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			m := mediatest.OpenBytes(b, file)
			for b.Loop() {
				if _, err := New(Config{}).Inspect(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
