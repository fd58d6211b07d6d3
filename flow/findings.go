package flow

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/cordonhq/cordon"
)

// sealedDetail is the only key of a stored finding's detail.
const sealedDetail = "sealed"

// evidence is the part of a finding that dies with the item's key.
type evidence struct {
	Sentence string         `json:"sentence"`
	Detail   map[string]any `json:"detail"`
	Part     string         `json:"part,omitempty"` // names of files inside are their senders'
}

// inside stands in clear for the part that a finding is about.
const inside = "inside"

// sealFindings puts sentence, detail and part of each finding under the item's key. What stays
// in clear are codes: detector, version, status, class, label and score, and whether it is
// about a part.
func (f *Flow) sealFindings(key cordon.DataKey, it cordon.Item, found []cordon.Finding) ([]cordon.Finding, error) {
	out := make([]cordon.Finding, len(found))
	for i, finding := range found {
		plain, err := json.Marshal(evidence{finding.Sentence, finding.Detail, finding.Part})
		if err != nil {
			return nil, fmt.Errorf("finding of %s: %w", finding.Detector, err)
		}
		sealed, err := f.Keys.Seal(key, []byte(string(it.ID)+"/finding"), plain)
		if err != nil {
			return nil, err
		}
		finding.Sentence, finding.Detail = "", map[string]any{sealedDetail: base64.StdEncoding.EncodeToString(sealed)}
		if finding.Part != "" {
			finding.Part = inside
		}
		out[i] = finding
	}
	return out, nil
}

// OpenFindings opens what sealFindings sealed. Where the item's key is gone, the codes are
// all there is.
func (f *Flow) OpenFindings(ctx context.Context, it cordon.Item, sealed []cordon.Finding) []cordon.Finding {
	out := make([]cordon.Finding, len(sealed))
	var key cordon.DataKey
	var err error
	if it.WrappedKey != nil {
		key, err = f.Keys.Unwrap(ctx, it.Tenant, it.KeyID, it.WrappedKey)
	}
	for i, finding := range sealed {
		var e evidence
		if err == nil && !key.IsZero() {
			e = f.openEvidence(key, it, finding)
		}
		if e.Detail == nil {
			e.Detail = map[string]any{}
		}
		finding.Sentence, finding.Detail = e.Sentence, e.Detail
		if finding.Part != "" && e.Part != "" {
			finding.Part = e.Part
		}
		out[i] = finding
	}
	return out
}

func (f *Flow) openEvidence(key cordon.DataKey, it cordon.Item, finding cordon.Finding) (e evidence) {
	text, _ := finding.Detail[sealedDetail].(string)
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sealed) == 0 {
		return e
	}
	plain, err := f.Keys.OpenSealed(key, []byte(string(it.ID)+"/finding"), sealed)
	if err != nil || json.Unmarshal(plain, &e) != nil {
		f.Log.Error("evidence of a finding could not be opened", "item", it.ID, "detector", finding.Detector, "err", err)
	}
	return e
}
