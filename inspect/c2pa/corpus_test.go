package c2pa

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon/media/mediatest"
)

type corpusIndex struct {
	EvaluatedAt time.Time    `json:"evaluated_at"`
	Files       []corpusFile `json:"files"`
}

type corpusFile struct {
	File      string `json:"file"`
	MediaType string `json:"media_type"`
	RemoteURL string `json:"remote_manifest_url"`
	Expected  struct {
		Verdict  string                  `json:"verdict"`
		Profiles map[string]corpusAnswer `json:"profiles"`
	} `json:"expected"`
	Generator   string   `json:"claim_generator"`
	Algorithm   string   `json:"signature_alg"`
	SourceTypes []string `json:"digital_source_type_all"`
}

type corpusAnswer struct {
	State         string   `json:"state"`
	Success       []string `json:"success"`
	Informational []string `json:"informational"`
	Failure       []string `json:"failure"`
	Ingredient    []string `json:"ingredient_failure"`
}

// state is what we must say: an unreadable manifest is invalid, an address alone is remote.
func (f corpusFile) state(profile string) State {
	if s := f.Expected.Profiles[profile].State; s != "" {
		return State(strings.ToLower(s))
	}
	return State(f.Expected.Verdict)
}

func readIndex(t testing.TB) (string, corpusIndex) {
	dir := mediatest.Corpus(t, "c2pa")
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index corpusIndex
	if err := json.Unmarshal(b, &index); err != nil {
		t.Fatal(err)
	}
	return dir, index
}

// profile builds the validator that a trust profile of the corpus describes.
func profile(t testing.TB, dir, name string, at time.Time) *Validator {
	t.Helper()
	read := func(file string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "trust", file))
		if err != nil {
			t.Fatal(err)
		}
		return append(b, '\n')
	}
	c := Config{Anchors: read("official-C2PA-TRUST-LIST.pem"), TSAAnchors: read("official-C2PA-TSA-TRUST-LIST.pem"),
		Now: func() time.Time { return at }}
	switch name {
	case "interim":
		c.Anchors = append(c.Anchors, read("interim-anchors.pem")...)
		// That list was published for signers and time stamps alike.
		c.TSAAnchors = append(c.TSAAnchors, read("interim-anchors.pem")...)
		c.Allowed = read("interim-allowed.pem")
	case "test":
		c.Anchors = append(c.Anchors, read("test-test_cert_root_bundle.pem")...)
	}
	v, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// known lists every difference between the reference validator's answers in the corpus and
// ours, by profile and file, with the reason. The table must be exactly right: a difference
// that is gone fails the test as a new one does.
var known = map[[2]string]struct {
	state    State // ours, "" if it is the same
	failures string
	reason   string
}{
	{"interim", "real/amazon-titan-g1.png"}: {Trusted, "",
		"the signer's certificate itself is on the list of allowed signers"},
	{"official", "real/ims_multiple_manifests.jpg"}: {"", "cawg.ica.did_unavailable signingCredential.untrusted", ica},
	{"interim", "real/ims_multiple_manifests.jpg"}:  {"", "cawg.ica.did_unavailable", ica},
	{"test", "real/ims_multiple_manifests.jpg"}:     {"", "cawg.ica.did_unavailable signingCredential.untrusted", ica},
	{"official", "tampered/g1-ai-ed25519-tb64.svg"}: {Invalid, "claimSignature.mismatch signingCredential.untrusted", padding},
	{"interim", "tampered/g1-ai-ed25519-tb64.svg"}:  {Invalid, "claimSignature.mismatch signingCredential.untrusted", padding},
	{"test", "tampered/g1-ai-ed25519-tb64.svg"}:     {Invalid, "claimSignature.mismatch", padding},
	{"official", "real/nested_moov_1000.mp4"}:       {None, "", nested},
	{"interim", "real/nested_moov_1000.mp4"}:        {None, "", nested},
	{"test", "real/nested_moov_1000.mp4"}:           {None, "", nested},
}

const (
	padding = "the unsigned padding of the signature has been changed; a place to hide things is not valid"
	nested  = "there is no manifest in the file; this reader never enters the boxes whose nesting the reference refuses"
)

const ica = "the credential and the payload name the same assertion with the same hash; the reference compares spellings"

// TestCorpus holds states, failure codes, source types and remote addresses against the
// reference validator, under three lists of anchors.
func TestCorpus(t *testing.T) {
	dir, index := readIndex(t)
	all, agree := 0, 0
	for _, name := range []string{"official", "interim", "test"} {
		t.Run(name, func(t *testing.T) {
			v := profile(t, dir, name, index.EvaluatedAt)
			files, states, codes := 0, 0, 0
			for _, f := range index.Files {
				p, err := validateFile(v, filepath.Join(dir, f.File))
				if err != nil {
					t.Errorf("%s: %v", f.File, err)
					continue
				}
				files++
				want := f.Expected.Profiles[name]
				difference, isKnown := known[[2]string{name, f.File}]
				wantState, wantCodes := f.state(name), strings.Join(want.Failure, " ")
				stateSame, codesSame := p.State == wantState, strings.Join(p.Failure, " ") == wantCodes || want.State == ""
				if stateSame {
					states++
				}
				if codesSame {
					codes++
				}
				switch {
				case !isKnown && !(stateSame && codesSame):
					t.Errorf("%s: %s %v, the reference says %s %v\n%+v", f.File, p.State, p.Failure, wantState, want.Failure, p.Statuses)
				case isKnown && stateSame && codesSame:
					t.Errorf("%s: listed as a difference and is none: take it off the list", f.File)
				case isKnown && (p.State != State(first(string(difference.state), string(wantState))) || strings.Join(p.Failure, " ") != difference.failures):
					t.Errorf("%s: %s %v, which is neither the reference's answer nor the listed difference", f.File, p.State, p.Failure)
				}
				if p.RemoteURL != f.RemoteURL && wantState == Remote {
					t.Errorf("%s: address %q, want %q", f.File, p.RemoteURL, f.RemoteURL)
				}
				if got, want := slices.Sorted(slices.Values(p.SourceTypes)), slices.Sorted(slices.Values(f.SourceTypes)); want != nil && !slices.Equal(got, want) {
					t.Errorf("%s: source types %v, want %v", f.File, got, want)
				}
			}
			t.Logf("%d files: %d states and %d lists of failures as the reference has them", files, states, codes)
			all, agree = all+files, agree+states
		})
	}
	if agree*100 < all*99 {
		t.Errorf("%d of %d states agree, less than 99 %%", agree, all)
	}
}

func validateFile(v *Validator, path string) (*Provenance, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return v.Validate(context.Background(), bytes.NewReader(b), int64(len(b)))
}

// TestCorpusNeverNone wants no file that has a manifest to be called free of one, but for
// those that are listed.
func TestCorpusNeverNone(t *testing.T) {
	dir, index := readIndex(t)
	v := profile(t, dir, "official", index.EvaluatedAt)
	for _, f := range index.Files {
		if f.Expected.Verdict == "none" || f.Expected.Verdict == "remote" || known[[2]string{"official", f.File}].state == None {
			continue
		}
		p, err := validateFile(v, filepath.Join(dir, f.File))
		if err == nil && (p.State == None || p.State == Remote) {
			t.Errorf("%s: %s, and it has a manifest", f.File, p.State)
		}
	}
}
