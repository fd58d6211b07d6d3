package doctor

import (
	"context"
	"errors"

	"github.com/cordonhq/cordon"
)

func examineRecords(ctx context.Context, conf Config, r *lines) {
	l := Line{Check: "database"}
	if conf.Records.Ready == nil {
		l.State, l.Says, l.Evidence, l.Do = Unknown, "whether the database can be used", "not tried", "Run cordon doctor with the configuration that serve uses."
		r.add(l)
		return
	}
	evidence, err := conf.Records.Ready(ctx)
	switch {
	case err == nil:
		l.State, l.Says, l.Evidence = OK, conf.Records.Name+" can be used as it is", evidence
	case errors.Is(err, cordon.ErrNotFound):
		l.State, l.Says, l.Evidence = Unknown, "there is no "+conf.Records.Name+" yet; serve makes it at its first start", err.Error()
		l.Do = "Run cordon doctor again after the first start."
	default:
		l.State, l.Needed, l.Says, l.Evidence = Missing, true, conf.Records.Name+" cannot be used as it is", err.Error()
		l.Do = "Start serve once with owner_url set, which migrates the tables, and check the logins; docs/configuration.md has the keys."
	}
	r.add(l)
}
