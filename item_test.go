package cordon

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestDataKeyNeverPrints(t *testing.T) {
	secret := []byte("QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ")
	k := NewDataKey(secret)
	hidden := struct{ key DataKey }{k} // fmt cannot call methods of unexported fields
	shown := Spooled{Blob: "blb_1", Key: k}
	var out strings.Builder
	for _, verb := range strings.Split("v +v #v s q d x X b o c U t p T", " ") {
		fmt.Fprintf(&out, "%"+verb+" %"+verb+" %"+verb+" %"+verb+"\n", k, &k, hidden, shown)
	}
	b, err := json.Marshal(shown)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", k, "hidden", hidden, "shown", shown)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "key", k, "hidden", hidden, "shown", shown)

	// Neighbouring Qs as text, decimal, hex, binary, octal, code points and base 64.
	for _, form := range []string{"QQ", "81 81", "51515151", "0x51, 0x51", "1010001 1010001", "121 121", "U+0051 U+0051", "UVFRUVFR"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the secret shows as %q in\n%s", form, out.String())
		}
	}
	if string(k.Bytes()) != string(secret) || k.IsZero() || !(DataKey{}).IsZero() || (DataKey{}).Bytes() != nil {
		t.Error("the secret is not where it belongs")
	}
}
