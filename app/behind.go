package app

import (
	"context"
	"fmt"

	"github.com/cordonhq/cordon"
)

// Records that are shorter than what was published of their ledger are an older copy: a database that
// was put back, or the standby of a server that had not received everything. Whatever were built on
// them would contradict what was signed, what they lack would look left behind, and what was done
// already would be done again. So nothing is committed, sequenced, carried out, set aside or
// destroyed; requests without media go on, and media is answered with 503.

// freeze has nothing committed, and says so.
func (a *App) freeze() {
	a.log.Error("the records are older than their published ledger; media is refused and nothing is carried out until the right records are put back", "err", a.behind)
	a.db.Freeze(fmt.Errorf("%w: the records are older than what was published of their ledger, and nothing is built on them: %w", cordon.ErrUnavailable, a.behind))
}

// checkBehind is what readiness says of it.
func (a *App) checkBehind(context.Context) error {
	if a.behind == nil {
		return nil
	}
	return fmt.Errorf("%w. Media is refused with 503 and nothing is sequenced, carried out or destroyed. Stop, put back the newest records, and start again: docs/operations.md says what to do if there are none", a.behind)
}
