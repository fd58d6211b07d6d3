package exchange

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// descriptor is what is read and written of a threat descriptor. Where the exchange itself has
// several spellings, each is read.
// https://developers.facebook.com/docs/threat-exchange/reference/apis/threat-descriptor
type descriptor struct {
	ID         string          `json:"id,omitempty"`
	Indicator  json.RawMessage `json:"indicator,omitempty"` // text, or an object with indicator and type
	Raw        string          `json:"raw_indicator,omitempty"`
	Type       string          `json:"type,omitempty"`
	Status     string          `json:"status,omitempty"`
	Severity   string          `json:"severity,omitempty"`
	Confidence int             `json:"confidence,omitempty"`
	Note       string          `json:"description,omitempty"`
	Owner      *owner          `json:"owner,omitempty"`
	Expires    json.RawMessage `json:"expire_time,omitempty"` // text, or seconds since 1970
	Expired    json.RawMessage `json:"expired_on,omitempty"`
	Added      string          `json:"added_on,omitempty"`
	List       string          `json:"x_cordon_list,omitempty"`
	Whole      bool            `json:"x_cordon_whole,omitempty"` // its source is all there
}

type owner struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

var descriptorTypes = map[string]cordon.KnownKind{"HASH_SHA256": cordon.KnownSHA256, "HASH_PDQ": cordon.KnownPDQ, "HASH_CHROMAPRINT": cordon.KnownChromaprint}

func (l *reading) threatExchange(r io.Reader) error {
	return objects(r, "data", func(at int, raw json.RawMessage) error {
		var d descriptor
		if err := json.Unmarshal(raw, &d); err != nil {
			return l.add(at, cordon.KnownFile{}, fmt.Errorf("%w: it is no descriptor: %w", cordon.ErrInvalid, err))
		}
		k, err := l.described(d)
		return l.add(at, k, err)
	})
}

func (l *reading) described(d descriptor) (k cordon.KnownFile, err error) {
	k = cordon.KnownFile{List: l.statusList(d), Note: d.Note, Severity: d.Severity, Confidence: d.Confidence, Ref: d.ID}
	if d.Owner != nil {
		k.Source = d.Owner.Name
		if k.Source == "" {
			k.Source = d.Owner.ID
		}
	}
	if k.Source == "" && !d.Whole {
		k.Source = l.Source
	}
	value, kind := d.Raw, d.Type
	if len(d.Indicator) > 0 {
		var inner struct{ Indicator, Type string }
		if d.Indicator[0] == '"' {
			err = json.Unmarshal(d.Indicator, &value)
		} else if err = json.Unmarshal(d.Indicator, &inner); err == nil {
			value = inner.Indicator
			if kind == "" {
				kind = inner.Type
			}
		}
		if err != nil {
			return k, fmt.Errorf("%w: indicator is neither a text nor an object: %w", cordon.ErrInvalid, err)
		}
	}
	var ok bool
	if k.Kind, ok = descriptorTypes[strings.ToUpper(kind)]; !ok {
		return k, fmt.Errorf("%w: the type %.40q is none of HASH_SHA256 and HASH_PDQ", cordon.ErrInvalid, kind)
	}
	if k.Value, err = valueOf(value); err != nil {
		return k, err
	}
	for _, raw := range []json.RawMessage{d.Expires, d.Expired} {
		if k.Expires.IsZero() && len(raw) > 0 {
			if k.Expires, err = momentOf(raw); err != nil {
				return k, err
			}
		}
	}
	return k, nil
}

// statusList is the list that a descriptor belongs on. What an exchange calls harmless is exempt
// from nothing here, so no status leads to the lawful list.
func (l *reading) statusList(d descriptor) cordon.KnownList {
	switch {
	case d.List != "":
		return cordon.KnownList(d.List)
	case l.List != "":
		return l.List
	}
	switch strings.ToUpper(d.Status) {
	case "MALICIOUS":
		return cordon.KnownBlocked
	case "SUSPICIOUS":
		return cordon.KnownWatched
	}
	return ""
}

// momentOf reads a text, or seconds since 1970; 0 is never.
func momentOf(raw json.RawMessage) (time.Time, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil && text != "" {
		return timeOf(text)
	}
	seconds, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil && string(raw) != `""` && string(raw) != "null" {
		return time.Time{}, fmt.Errorf("%w: the time %.40s is neither a text nor a number of seconds", cordon.ErrInvalid, raw)
	}
	if seconds == 0 {
		return time.Time{}, nil
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func writeThreatExchange(w io.Writer, next func() (cordon.KnownFile, bool, error)) error {
	return writeObjects(w, "{\"data\":[", "\n]}\n", next, func(k cordon.KnownFile) any {
		value, _ := json.Marshal(hex.EncodeToString(k.Value)) // a text does not fail
		d := descriptor{ID: k.Ref, Indicator: value, Severity: k.Severity, Confidence: k.Confidence, Note: k.Note, List: string(k.List), Whole: true}
		for name, kind := range descriptorTypes {
			if kind == k.Kind {
				d.Type = name
			}
		}
		switch k.List {
		case cordon.KnownBlocked:
			d.Status = "MALICIOUS"
		case cordon.KnownWatched:
			d.Status = "SUSPICIOUS"
		case cordon.KnownLawful, cordon.KnownOrdinary:
			d.Status = "NON_MALICIOUS"
		}
		if k.Source != "" {
			d.Owner = &owner{Name: k.Source}
		}
		if !k.Expires.IsZero() {
			d.Expires, _ = json.Marshal(k.Expires.UTC().Format(time.RFC3339))
		}
		if !k.At.IsZero() {
			d.Added = k.At.UTC().Format(time.RFC3339)
		}
		return d
	})
}
