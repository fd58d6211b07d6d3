package scan

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/visible"
)

// line is one object of the JSON output. Fields are only ever added; arrays are never null.
type line struct {
	Schema       int              `json:"schema"`
	Path         string           `json:"path"`
	SHA256       *string          `json:"sha256"` // lower-case hex; null if the file could not be read
	Size         int64            `json:"size"`   // bytes
	MediaType    string           `json:"media_type"`
	Modality     cordon.Modality  `json:"modality"`
	Error        *string          `json:"error"`
	Outcome      cordon.Outcome   `json:"outcome"`
	Action       cordon.Action    `json:"action"`
	Reasons      []cordon.Reason  `json:"reasons"`
	Policy       string           `json:"policy"`
	Provenance   json.RawMessage  `json:"provenance"`
	Fingerprints fingerprintsLine `json:"fingerprints"`
	Parts        json.RawMessage  `json:"parts"` // files inside that were looked at
	Findings     []findingLine    `json:"findings"`
	Looked       cordon.Share     `json:"looked"`  // how much of it was looked at
	Lacking      []string         `json:"lacking"` // "sandbox" or programs for want of which it was not looked into
}

// fingerprintsLine has nulls where there is no picture to be had, and no recording that could
// be heard.
type fingerprintsLine struct {
	PDQ         *string `json:"pdq"`
	Quality     *int    `json:"pdq_quality"`
	Chromaprint *string `json:"chromaprint"` // 8 hexadecimal digits for each eighth of a second
}

type findingLine struct {
	cordon.Finding
	TookMS float64 `json:"took_ms"`
}

// noProvenance is the object for files in which no detector saw content credentials. That
// it is "none" because nothing looked is told by the c2pa finding, or by its absence.
type noProvenance struct {
	State           string   `json:"state"`
	Success         []string `json:"success"`
	Informational   []string `json:"informational"`
	Failure         []string `json:"failure"`
	ClaimGenerator  string   `json:"claim_generator"`
	Signer          string   `json:"signer"`
	SourceTypes     []string `json:"source_types"`
	EvaluatedAt     string   `json:"evaluated_at"`
	TrustListSHA256 string   `json:"trust_list_sha256"`
}

// provenance returns the object that the c2pa detector made, else one that says "none".
func provenance(found []cordon.Finding, at time.Time) json.RawMessage {
	for _, f := range found {
		if p, ok := f.Detail["provenance"]; ok && f.Detector == "c2pa" {
			if b, err := json.Marshal(p); err == nil && len(b) > 0 && b[0] == '{' {
				return b
			}
		}
	}
	none := []string{}
	b, err := json.Marshal(noProvenance{State: "none", Success: none, Informational: none, Failure: none,
		SourceTypes: none, EvaluatedAt: at.UTC().Format(time.RFC3339)})
	if err != nil {
		panic(fmt.Sprintf("scan: strings do not fail to marshal: %v", err))
	}
	return b
}

// inside returns the list of files inside that the parts detector made, else an empty one.
func inside(found []cordon.Finding) json.RawMessage {
	for _, f := range found {
		if list, ok := f.Detail["parts"]; ok && f.Detector == "parts" && f.Part == "" {
			if b, err := json.Marshal(list); err == nil && len(b) > 0 && b[0] == '[' {
				return b
			}
		}
	}
	return json.RawMessage("[]")
}

func newPrinter(conf Config, w io.Writer) func(result) error {
	if conf.JSON {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return func(r result) error { return enc.Encode(asLine(r, conf.At)) }
	}
	return func(r result) error {
		if err := table(w, r, conf.Color); err != nil {
			return err
		}
		if err := sentences(w, r); err != nil {
			return err
		}
		return looked(w, r)
	}
}

func asLine(r result, at time.Time) line {
	l := line{Schema: 1, Path: r.path, Size: r.item.Size, MediaType: r.item.MediaType, Modality: r.item.Modality,
		Outcome: r.verdict.Outcome, Action: r.verdict.Action, Reasons: r.verdict.Reasons, Policy: r.verdict.Policy,
		Provenance: provenance(r.findings, at), Parts: inside(r.findings), Findings: []findingLine{}, Lacking: append([]string{}, r.lacking...),
		Looked: cordon.ShareOf(r.findings)}
	if r.digest != nil {
		s := hex.EncodeToString(r.digest[:])
		l.SHA256 = &s
	}
	if r.print != nil {
		s := r.print.PDQ.String()
		l.Fingerprints.PDQ, l.Fingerprints.Quality = &s, &r.print.Quality
	}
	l.Fingerprints.Chromaprint = r.sound
	if r.err != nil {
		s := r.err.Error()
		l.Error = &s
	}
	for _, f := range r.findings {
		if f.Detail == nil {
			f.Detail = map[string]any{}
		}
		if _, err := json.Marshal(f.Detail); err != nil {
			f.Detail = map[string]any{"error": "evidence that cannot be written: " + err.Error()}
		}
		ms := float64(f.Took.Microseconds()) / 1000
		l.Findings = append(l.Findings, findingLine{f, math.Max(ms, 0)})
	}
	return l
}

// words are the outcomes as the console says them.
var words = map[cordon.Outcome]string{
	cordon.Synthetic:  "likely synthetic",
	cordon.Altered:    "likely altered",
	cordon.NoSign:     "no sign found",
	cordon.CannotTell: "cannot tell",
	cordon.NotTested:  "not tested for this kind",
}

// colors of actions: bold, yellow, faint. Words carry the meaning; colours only help.
var colors = map[cordon.Action]string{cordon.Page: "\x1b[1;35m", cordon.Hold: "\x1b[1m", cordon.Watch: "\x1b[33m", cordon.Pass: "\x1b[2m"}

// table writes one line: path, type, outcome, action, and why. Columns keep a width rather
// than fit the longest path, so that the first line can be written before the last is known.
func table(w io.Writer, r result, color bool) error {
	kind := r.item.MediaType
	outcome := words[r.verdict.Outcome]
	why := ""
	if len(r.verdict.Reasons) > 0 {
		why = r.verdict.Reasons[0].Text()
	}
	if r.err != nil {
		kind, outcome, why = "-", "could not be read", r.err.Error()
	}
	action := fmt.Sprintf("%-5s", r.verdict.Action)
	if color {
		action = colors[r.verdict.Action] + action + "\x1b[0m"
	}
	text := fmt.Sprintf("%s  %s  %s  %s  %s", pad(visible.Line(r.path), 44), pad(visible.Line(kind), 18), pad(outcome, 24), action, visible.Line(why))
	_, err := fmt.Fprintln(w, strings.TrimRight(text, " "))
	return err
}

func pad(s string, width int) string {
	if n := utf8.RuneCountInString(s); n < width {
		return s + strings.Repeat(" ", width-n)
	}
	return s
}
