package salesforce

import "testing"

func TestLongID(t *testing.T) {
	for in, want := range map[string]string{
		"0015000000Gv7qJ":    "0015000000Gv7qJAAR",
		"001A0000006Vm9r":    "001A0000006Vm9rIAC",
		"001A0000006Vm9rIAC": "001A0000006Vm9rIAC",
		"not an id":          "not an id",
		"":                   "",
	} {
		if got := LongID(in); got != want {
			t.Errorf("LongID(%q) = %q, want %q", in, got, want)
		}
	}
}
