package exchange

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

// indicator is what is read and written of a STIX 2.1 indicator. Members that begin with x_cordon
// are Cordon's own; x_pdq is a PDQ hash beside the pattern, as some exchanges give it.
// https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html#_muftrcpnf89v
type indicator struct {
	Type       string      `json:"type"`
	Version    string      `json:"spec_version,omitempty"`
	ID         string      `json:"id"`
	Created    string      `json:"created,omitempty"`
	Modified   string      `json:"modified,omitempty"`
	Revoked    bool        `json:"revoked,omitempty"`
	Note       string      `json:"description,omitempty"`
	Types      []string    `json:"indicator_types,omitempty"`
	Pattern    string      `json:"pattern"`
	Language   string      `json:"pattern_type,omitempty"`
	From       string      `json:"valid_from,omitempty"`
	Until      string      `json:"valid_until,omitempty"`
	Confidence int         `json:"confidence,omitempty"`
	References []reference `json:"external_references,omitempty"`
	PDQ        string      `json:"x_pdq,omitempty"`
	List       string      `json:"x_cordon_list,omitempty"`
	Severity   string      `json:"x_cordon_severity,omitempty"`
	Whole      bool        `json:"x_cordon_whole,omitempty"` // its source is all in the references
}

type reference struct {
	Source string `json:"source_name"`
	ID     string `json:"external_id,omitempty"`
}

// comparison is the only kind of comparison that a list of known files needs.
var comparison = regexp.MustCompile(`^\s*file:hashes\.(?:'([^']{1,40})'|([A-Za-z0-9_]{1,40}))\s*=\s*'([0-9A-Fa-f]+)'\s*$`)

// hashes are the names of what can be recognised, as patterns spell them.
var hashes = map[string]cordon.KnownKind{"SHA-256": cordon.KnownSHA256, "SHA256": cordon.KnownSHA256, "PDQ": cordon.KnownPDQ, "X_PDQ": cordon.KnownPDQ,
	"CHROMAPRINT": cordon.KnownChromaprint, "X_CHROMAPRINT": cordon.KnownChromaprint}

// leftOut are other hashes of the same file, which are no loss where one that is known is given.
var leftOut = map[string]bool{"MD5": true, "SHA-1": true, "SHA1": true, "SHA-512": true, "SHA512": true, "SHA3-256": true, "SHA3-512": true, "SSDEEP": true, "TLSH": true}

func (l *reading) stix(r io.Reader) error {
	return objects(r, "objects", func(at int, raw json.RawMessage) error {
		var i indicator
		if err := json.Unmarshal(raw, &i); err != nil {
			return l.add(at, cordon.KnownFile{}, fmt.Errorf("%w: it is no STIX object: %w", cordon.ErrInvalid, err))
		}
		if i.Type != "indicator" || i.Revoked {
			l.got.Skipped++
			return nil
		}
		k := cordon.KnownFile{List: cordon.KnownList(i.List), Note: i.Note, Severity: i.Severity, Confidence: i.Confidence}
		if len(i.References) > 0 {
			k.Source, k.Ref = i.References[0].Source, i.References[0].ID
		} else if !i.Whole {
			k.Source, k.Ref = l.Source, i.ID
		}
		var err error
		if i.Until != "" {
			if k.Expires, err = timeOf(i.Until); err != nil {
				return l.add(at, k, err)
			}
		}
		found, err := pattern(i)
		if err != nil {
			return l.add(at, k, err)
		}
		for _, f := range found {
			k.Kind, k.Value = f.Kind, f.Value
			if err := l.add(at, k, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// pattern returns what an indicator recognises: a pattern of one observation whose comparisons
// are of hashes of a file, either of which suffices.
func pattern(i indicator) (out []cordon.KnownFile, err error) {
	if i.Language != "" && i.Language != "stix" {
		return nil, fmt.Errorf("%w: patterns of type %.20q are not read, only those of type stix", cordon.ErrInvalid, i.Language)
	}
	inner, ok := strings.CutPrefix(strings.TrimSpace(i.Pattern), "[")
	inner, ok2 := strings.CutSuffix(inner, "]")
	if !ok || !ok2 {
		return nil, fmt.Errorf("%w: the pattern is not of the form [file:hashes.'SHA-256' = '…']", cordon.ErrInvalid)
	}
	others := 0
	for _, part := range strings.Split(inner, " OR ") {
		m := comparison.FindStringSubmatch(part)
		if m == nil {
			return nil, fmt.Errorf("%w: the pattern compares something else than hashes of a file: %.60q", cordon.ErrInvalid, part)
		}
		name := strings.ToUpper(m[1] + m[2])
		kind, ok := hashes[name]
		if !ok {
			if !leftOut[name] {
				return nil, fmt.Errorf("%w: no file is recognised by %.40q", cordon.ErrInvalid, m[1]+m[2])
			}
			others++
			continue
		}
		value, err := valueOf(m[3])
		if err != nil {
			return nil, err
		}
		out = append(out, cordon.KnownFile{Kind: kind, Value: value})
	}
	if i.PDQ != "" {
		value, err := valueOf(i.PDQ)
		if err != nil {
			return nil, err
		}
		out = append(out, cordon.KnownFile{Kind: cordon.KnownPDQ, Value: value})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: of the %d hashes in the pattern none is SHA-256 or PDQ", cordon.ErrInvalid, others)
	}
	return out, nil
}

func writeSTIX(w io.Writer, next func() (cordon.KnownFile, bool, error)) error {
	head := fmt.Sprintf("{\"type\":\"bundle\",\"id\":\"bundle--%s\",\"objects\":[", uuid("bundle", time.Now().UTC().String()))
	return writeObjects(w, head, "\n]}\n", next, func(k cordon.KnownFile) any {
		name := map[cordon.KnownKind]string{cordon.KnownSHA256: "'SHA-256'", cordon.KnownPDQ: "'PDQ'", cordon.KnownChromaprint: "'x_chromaprint'"}[k.Kind]
		at := stixTime(k.At)
		i := indicator{Type: "indicator", Version: "2.1", ID: "indicator--" + uuid(string(k.Kind), hex.EncodeToString(k.Value)), Created: at, Modified: at, Note: k.Note,
			Types: []string{"unknown"}, Pattern: fmt.Sprintf("[file:hashes.%s = '%x']", name, k.Value), Language: "stix", From: at,
			Confidence: k.Confidence, List: string(k.List), Severity: k.Severity, Whole: true}
		if !k.Expires.IsZero() {
			i.Until = stixTime(k.Expires)
		}
		if k.Source != "" || k.Ref != "" {
			i.References = []reference{{k.Source, k.Ref}}
		}
		return i
	})
}

// stixTime writes a time as STIX has it: in UTC, to the millisecond.
func stixTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// uuid makes an identifier of what it names: the same entry has the same one each time. It is of
// version 8, RFC 9562: made by a method of our own.
func uuid(parts ...string) string {
	sum := sha256.Sum256([]byte("cordon known files " + strings.Join(parts, "\x00")))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
