package rowmac

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func secret(b byte) []byte { return bytes.Repeat([]byte{b}, KeySize) }

func keys(t testing.TB, secrets ...[]byte) *Keys {
	t.Helper()
	k, err := New(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func row() *Row { return Of("items").Text("acme").Text("itm_1").Int(3).Bytes([]byte{1, 2}) }

func TestMarks(t *testing.T) {
	k := keys(t, secret(1))
	mark := k.Mark(row())
	if len(mark) != Size {
		t.Fatalf("a mark of %d bytes", len(mark))
	}
	if err := k.Check(mark, row()); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*Row{
		"another table":   Of("things").Text("acme").Text("itm_1").Int(3).Bytes([]byte{1, 2}),
		"another text":    Of("items").Text("acme").Text("itm_2").Int(3).Bytes([]byte{1, 2}),
		"moved letters":   Of("items").Text("acmei").Text("tm_1").Int(3).Bytes([]byte{1, 2}),
		"another number":  Of("items").Text("acme").Text("itm_1").Int(4).Bytes([]byte{1, 2}),
		"fewer bytes":     Of("items").Text("acme").Text("itm_1").Int(3).Bytes([]byte{1}),
		"a column more":   row().Text(""),
		"columns swapped": Of("items").Text("itm_1").Text("acme").Int(3).Bytes([]byte{1, 2}),
	} {
		if err := k.Check(mark, r); !errors.Is(err, ErrWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range mark {
		broken := bytes.Clone(mark)
		broken[i] ^= 1
		if k.Check(broken, row()) == nil {
			t.Fatalf("bit %d of the mark does not matter", i)
		}
	}
	if err := k.Check(nil, row()); !errors.Is(err, ErrMissing) {
		t.Errorf("no mark: %v", err)
	}
	if err := keys(t, secret(2)).Check(mark, row()); !errors.Is(err, ErrUnknown) {
		t.Errorf("another key: %v", err)
	}
}

func TestNewKeysCheckWhatOldOnesMarked(t *testing.T) {
	old := keys(t, secret(1))
	both := keys(t, secret(2), secret(1))
	mark := old.Mark(row())
	if err := both.Check(mark, row()); err != nil || both.Current(mark) {
		t.Errorf("a mark of the old key: %v", err)
	}
	if fresh := both.Mark(row()); !both.Current(fresh) || old.Check(fresh, row()) == nil {
		t.Error("the new key does not mark")
	}
}

func TestSumsHaveNoOrder(t *testing.T) {
	k := keys(t, secret(1))
	var all, again, part Sum
	order := rand.Perm(100)
	for i := range 100 {
		k.Add(&all, Of("known").Int(int64(i)))
		k.Add(&again, Of("known").Int(int64(order[i])))
		if i < 99 {
			k.Add(&part, Of("known").Int(int64(i)))
		}
	}
	if all != again || all == part {
		t.Errorf("sums %x, %x in another order, %x without one", all, again, part)
	}
	k.Sub(&all, Of("known").Int(99))
	if all != part {
		t.Error("what was taken out is still in the sum")
	}
	for i := range 99 {
		k.Sub(&all, Of("known").Int(int64(i)))
	}
	if all != (Sum{}) {
		t.Errorf("without anything it is %x", all)
	}
}

func TestKeysNeverPrint(t *testing.T) {
	k := keys(t, secret(0xa1))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if s := fmt.Sprintf(verb, k); strings.Contains(s, "a1") || strings.Contains(s, "161") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
	if _, err := New(); err == nil {
		t.Error("no key is a key")
	}
	if _, err := New([]byte("short")); err == nil {
		t.Error("a short key is a key")
	}
}

func BenchmarkMark(b *testing.B) {
	k := keys(b, secret(1))
	r := row().Bytes(make([]byte, 400))
	for b.Loop() {
		k.Mark(r)
	}
}
