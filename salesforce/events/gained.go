package events

import (
	"context"
	"time"

	"github.com/cordonhq/cordon"
)

// Gained is a file that an org has, or had, by the org's own list.
type Gained struct {
	File
	Channel cordon.Channel // as far as the org tells
	// Elsewhere says that the org holds no bytes of it: a link, or a file of another system.
	Elsewhere bool
}

// Census lists what an org has gained, whether or not anybody has seen it come. It asks for
// lists only, one call for each Page of each object, and once at least.
type Census struct{ *looker }

// NewCensus returns a Census. Of the Config it needs Tenant and Source, and neither Line nor
// Things.
func NewCensus(c Config) *Census {
	return &Census{newLooker(c.withDefaults(), "census", cordon.ModeEvent)}
}

// Gained gives out, page by page, every ContentVersion, Attachment and Document with a
// CreatedDate from one time up to another, those in the recycle bin included, in the order of
// the CreatedDate object by object. What has left the recycle bin the org no longer lists. It
// returns how many calls that took.
func (c *Census) Gained(ctx context.Context, from, to time.Time, each func([]Gained) error) (calls int64, err error) {
	before := c.calls.Load()
	for _, object := range c.Objects {
		if err := c.gained(ctx, object, from, to, each); err != nil {
			return c.calls.Load() - before, err
		}
	}
	return c.calls.Load() - before, nil
}

func (c *Census) gained(ctx context.Context, object string, from, to time.Time, each func([]Gained) error) error {
	q := query{object: object, field: "CreatedDate", bin: true, where: []string{"CreatedDate < " + to.UTC().Format(soqlLayout)}}
	for at := (place{At: from}); ; {
		files, err := c.page(ctx, q, at)
		if err != nil {
			return err
		}
		out := make([]Gained, len(files))
		for i, f := range files {
			out[i] = Gained{File: f, Channel: Channel(f, c.Integrations), Elsewhere: f.elsewhere}
		}
		if len(out) > 0 {
			if err := each(out); err != nil {
				return err
			}
		}
		if len(files) < c.Page {
			return nil
		}
		last := files[len(files)-1]
		at = place{At: last.Created, ID: last.ID}
	}
}
