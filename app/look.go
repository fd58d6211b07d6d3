package app

import (
	"time"

	"github.com/cordonhq/cordon/decide"
	"github.com/cordonhq/cordon/inspect"
	"github.com/cordonhq/cordon/inspect/watermark"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/sandbox"
)

// Look is what "cordon scan" looks at files with: the gateway's own detectors and policy,
// without a store.
type Look struct {
	// TrustAnchors and TSAAnchors are PEM files; "": nobody is trusted.
	TrustAnchors, TSAAnchors string
	// Partners is a file with the keys of PartnersConfig; "": nobody is asked after.
	Partners string
	// Trust names further lists.
	Trust TrustConfig
	// Policy is a policy file; "": the built-in one.
	Policy string
	// At is the time at which certificates are judged; zero: now.
	At time.Time
	// Budget bounds one file. Default: 30 s.
	Budget time.Duration
}

// Limits are those of the files that are scanned, and Lacking names the foreign programs that
// are not there or do not run, and says why.
func (l Look) Limits() (lim media.Limits, lacking func() ([]string, string)) {
	tools := openTools(sandbox.Config{})
	return media.Limits{Stills: tools.decoder, Recordings: tools.decoder}, func() ([]string, string) {
		r := tools.box.Report()
		return r.Absent(), r.Lacking()
	}
}

// Open reads the files and returns the detectors and the policy.
func (l Look) Open() (*inspect.Inspector, *decide.Policy, error) {
	policy, err := openPolicy(l.Policy)
	if err != nil {
		return nil, nil, err
	}
	trust := Trust{Now: time.Now}
	if !l.At.IsZero() {
		trust.Now = func() time.Time { return l.At }
	}
	named := TenantConfig{TrustAnchors: l.TrustAnchors, TSAAnchors: l.TSAAnchors, Trust: l.Trust}.trust()
	if trust.Lists, trust.Denied, err = named.read(func(p string) string { return p }); err != nil {
		return nil, nil, err
	}
	if trust.Partners, err = readPartners(l.Partners); err != nil {
		return nil, nil, err
	}
	ds, err := detectors(trust, nobody, watermark.Config{Search: true})
	if err != nil {
		return nil, nil, err
	}
	if l.Budget == 0 {
		l.Budget = 30 * time.Second
	}
	return inspect.New(ds, inspect.Config{Budget: l.Budget}), policy, nil
}
