package events

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// again tries some of the files once more that could not be read, when everything else is
// done: permissions are set right meanwhile, and what a server kept back for an hour it gives
// out the next. What can be read now is no longer counted as not readable.
func (b *Backfill) again(ctx context.Context, p *Progress) error {
	object, _, _ := strings.Cut(p.Later[0], "/")
	var ids, rest []string
	for _, l := range p.Later {
		if o, id, _ := strings.Cut(l, "/"); o == object && len(ids) < b.Batch {
			ids = append(ids, id)
		} else {
			rest = append(rest, l)
		}
	}
	if err := b.ready(ctx, p, int64(len(ids))+1, p.Lists > 0); err != nil {
		return err
	}
	// What is gone by now is not listed, and stays counted as it was.
	files, err := b.list(ctx, p, query{object: object, field: "CreatedDate", where: []string{"Id IN ('" + strings.Join(ids, "','") + "')"}}, place{})
	if err != nil {
		return err
	}
	next := *p
	next.Later = rest
	again := &looker{lister: b.lister, lane: b.lane, mode: b.mode, stuck: b.stuck}
	again.Line = retrying{b.Line}
	return b.commit(ctx, again, p, next, files, func(done *Progress, s []cordon.Sighting, took time.Duration) {
		done.Worked += took
		done.copyMaps()
		for i, f := range files {
			if s[i].New || len(s[i].Changes) == 0 || notExamined(s[i]) != "" {
				continue // somebody else read it, or nobody can
			}
			unread := s[i]
			v := *unread.Item.Verdict
			v.Reasons = slices.Concat(v.Reasons, []cordon.Reason{cordon.ReasonNotReadable})
			unread.Item.Verdict = &v
			done.count(f, unread, -1)
			done.count(f, s[i], 1)
		}
	})
}
