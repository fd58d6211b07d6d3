package cordon

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Share is how much of a file was looked at: of its bytes, and by each check. It is worked out
// from findings, and stands beside every verdict, because that nothing was found says something
// only of what was looked at.
type Share struct {
	// Bytes is how many the file has as far as its structure was told, 0 where it was not.
	Bytes int64 `json:"bytes"`
	// Read is how many of them a reader makes sense of, samples and padding to which it leads included.
	Read int64 `json:"read"`
	// Unread is how many are in each other state: encrypted, damaged, beyond limits, unknown …
	Unread map[string]int64 `json:"unread"`
	// Checks are the checks that had something to look at, sorted by name.
	Checks []Looking `json:"checks"`
}

// Looking is how far one check looked.
type Looking struct {
	Detector string `json:"detector"`
	Look     Look   `json:"look"` // the least of what it says of the file and of what is inside
	// Sample is what was looked at, and left out, where that was a sample: pictures of recordings,
	// frames, pictures inside.
	Sample map[string]int64 `json:"sample,omitempty"`
}

// sampled are the details of findings that count a sample, and how people say it.
var sampled = []struct{ key, one, many string }{
	{"frames_looked_at", "picture of recordings looked at", "pictures of recordings looked at"},
	{"not_looked_at", "frame left out", "frames left out"},
	{"not_decoded", "picture inside not decoded", "pictures inside not decoded"},
	{"recordings_not_looked_at", "recording whose pictures were left out", "recordings whose pictures were left out"},
}

// read are the states of bytes that count as looked at.
var read = []string{"read", "opaque", "padding"}

// ShareOf works out the share from the findings that stand.
func ShareOf(found []Finding) Share {
	s := Share{Unread: map[string]int64{}, Checks: []Looking{}}
	at := map[string]int{}
	for _, f := range found {
		if f.Part == "" && f.Detector == "kind" {
			s.states(f.Detail["bytes"])
		}
		look := f.StatusLook()
		if look == LookNothing {
			continue
		}
		i, ok := at[f.Detector]
		if !ok {
			i = len(s.Checks)
			at[f.Detector] = i
			s.Checks = append(s.Checks, Looking{Detector: f.Detector, Look: look})
		}
		c := &s.Checks[i]
		if slices.Index(looks, look) > slices.Index(looks, c.Look) {
			c.Look = look
		}
		for _, of := range sampled {
			if n, ok := whole(f.Detail[of.key]); ok && n > 0 {
				if c.Sample == nil {
					c.Sample = map[string]int64{}
				}
				c.Sample[of.key] = max(n, c.Sample[of.key])
			}
		}
	}
	slices.SortFunc(s.Checks, func(a, b Looking) int { return strings.Compare(a.Detector, b.Detector) })
	return s
}

// states takes the sums of bytes by their state, as they come from a check or from a record.
func (s *Share) states(v any) {
	b, err := json.Marshal(v)
	if err != nil {
		return
	}
	var sums map[string]int64
	if json.Unmarshal(b, &sums) != nil || len(sums) == 0 {
		return
	}
	s.Bytes, s.Read, s.Unread = 0, 0, map[string]int64{}
	for state, n := range sums {
		s.Bytes += n
		if slices.Contains(read, state) {
			s.Read += n
		} else if n > 0 {
			s.Unread[state] = n
		}
	}
}

func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		return int64(v), true
	}
	return 0, false
}

// Whole reports whether all of it was looked at, or the sample that is stated.
func (s Share) Whole() bool {
	return len(s.Unread) == 0 && !slices.ContainsFunc(s.Checks, func(c Looking) bool {
		return c.Look != Looked && c.Look != LookedSample
	})
}

// Percent is the part of the bytes in words. It says 100 % of nothing less than all.
func (s Share) Percent() string {
	if s.Bytes == 0 {
		return "an unknown part"
	}
	tenths := s.Read * 1000 / s.Bytes
	if tenths%10 == 0 {
		return fmt.Sprintf("%d %%", tenths/10)
	}
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}

// Sentences says the share to people: the bytes first, then what was a sample, then what was not
// looked at. named says what a check is called where it is read.
func (s Share) Sentences(named func(detector string) string) []string {
	first := s.Percent() + " of its bytes belong to what is read in such a file"
	if s.Bytes == 0 {
		first = "How much of its bytes is read in such a file is not known"
	}
	var rest []string
	for _, state := range slices.Sorted(maps.Keys(s.Unread)) {
		if n := s.Unread[state]; n > 0 {
			rest = append(rest, fmt.Sprintf("%d bytes are %s", n, state))
		}
	}
	if len(rest) > 0 {
		first += "; " + strings.Join(rest, ", ")
	}
	out := []string{first + "."}
	all, samples := 0, []string{}
	for _, c := range s.Checks {
		switch c.Look {
		case Looked:
			all++
		case LookedSample:
			samples = append(samples, named(c.Detector)+c.counted())
		}
	}
	if all > 0 {
		out = append(out, fmt.Sprintf("Checks that looked at all that is theirs: %d.", all))
	}
	if len(samples) > 0 {
		out = append(out, "At a sample: "+strings.Join(samples, ", ")+".")
	}
	for _, c := range s.Checks {
		if says := lookWords[c.Look]; says != "" {
			out = append(out, fmt.Sprintf("Not all by %s: %s%s.", named(c.Detector), says, c.counted()))
		}
	}
	return out
}

// counted is what a check says of its sample, in brackets.
func (c Looking) counted() string {
	var out []string
	for _, of := range sampled {
		switch n := c.Sample[of.key]; {
		case n == 1:
			out = append(out, "1 "+of.one)
		case n > 1:
			out = append(out, fmt.Sprintf("%d %s", n, of.many))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return " (" + strings.Join(out, ", ") + ")"
}

// lookWords are the looks that are not whole, in words.
var lookWords = map[Look]string{
	LookDamaged:      "something cannot be decoded",
	LookEncrypted:    "something takes a key",
	LookUnopened:     "something is packed in a way that is not undone here",
	LookBeyondLimits: "something is more than one file may cost",
	LookNoDecoder:    "nothing here decodes something of it",
	LookFailed:       "it did not finish",
}

// partLooked are the reasons that say that a file was not looked at as a whole.
var partLooked = []Reason{ReasonLimit, ReasonPartsUnread, ReasonNotLookedAt, ReasonBytesUnknown, ReasonUnreadable, ReasonDetectorSilent, ReasonPassedUnscanned}

// Partly reports whether a verdict says that not all of the file was looked at.
func (v Verdict) Partly() bool {
	return slices.ContainsFunc(v.Reasons, func(r Reason) bool { return slices.Contains(partLooked, r) })
}
