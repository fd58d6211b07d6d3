package cordon

import "slices"

// Standing returns the findings that a verdict rests on, from all that were ever added to an
// item, in that order: those of the last whole inspection, and with them those of a late look,
// each detector's instead of what the same detector had said before.
//
// The findings of one inspection are sorted by detector, but for what was found in parts, so
// the next one begins where the order does.
func Standing(found []Finding) []Finding {
	first, last := 0, ""
	for i, f := range found {
		if f.Part != "" || f.Late {
			continue
		}
		if f.Detector < last {
			first = i
		}
		last = f.Detector
	}
	found = found[first:]
	late := slices.DeleteFunc(slices.Clone(found), func(f Finding) bool { return !f.Late })
	if len(late) == 0 {
		return found
	}
	out := slices.DeleteFunc(slices.Clone(found), func(f Finding) bool {
		return f.Late || slices.ContainsFunc(late, func(l Finding) bool {
			return l.Detector == f.Detector && (l.Part != "") == (f.Part != "")
		})
	})
	return append(out, late...)
}
