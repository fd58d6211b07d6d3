package cordon

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every state has words for whatever can be in it, and says what is owed and who must act; what
// cannot be is refused. A state that somebody adds fails here until it has them.
func TestEveryStateIsToldTruly(t *testing.T) {
	debts := append(Debts(), "")
	told := map[State]bool{}
	for _, s := range append(States(), "") {
		for _, op := range append(Operations(), "", "unheard-of") {
			for _, mode := range append(Modes(), "", "unheard-of") {
				it := Item{State: s, Op: op, Mode: mode, Verdict: &Verdict{}}
				p, possible := PurposeOf(op, mode)
				stand, err := StandOf(s, op, mode)
				if !possible && err == nil {
					t.Errorf("%q of operation %q in mode %q stands as %q, and has no purpose", s, op, mode, stand.Name)
				}
				if err != nil {
					if !errors.Is(err, ErrInvalid) {
						t.Errorf("%q of operation %q in mode %q: %v", s, op, mode, err)
					}
					if got := it.Stand(); got.Owes != OweSettlement || got.Place != PlaceUnknown {
						t.Errorf("%q of operation %q in mode %q cannot be, and stands as %+v", s, op, mode, got)
					}
					continue
				}
				told[s] = true
				if got := it.Stand(); got != stand {
					t.Errorf("%q of operation %q in mode %q stands as %q by itself and as %q in the table", s, op, mode, got.Name, stand.Name)
				}
				if again, ok := p.Stand(s); !ok || again != stand {
					t.Errorf("%s to %s stands in two ways", s, p)
				}
				checkWords(t, s, p, stand)
				if !slices.Contains(debts, stand.Owes) || (stand.Owes == "") != (stand.Owes.By() == "") {
					t.Errorf("%s to %s owes %q by %q", s, p, stand.Owes, stand.Owes.By())
				}
			}
		}
		if s != "" && (!told[s] || s.Word() == string(s) && strings.Contains(string(s), "-") || s.Word() == "") {
			t.Errorf("state %s has no words", s)
		}
	}
	if s := State("unheard-of"); s.Word() != "unheard-of" {
		t.Errorf("a state without words is called %q", s.Word())
	}
}

func checkWords(t *testing.T, s State, p Purpose, stand Stand) {
	t.Helper()
	text := stand.Name + " " + stand.Next
	switch {
	case stand.Name == "" || stand.Place == "" || !strings.HasSuffix(stand.Next, "."):
		t.Errorf("%s to %s has no words: %+v", s, p, stand)
	case (stand.Owes == "") != strings.HasPrefix(stand.Next, "Nothing is owed:"):
		t.Errorf("%s to %s owes %q and says %q", s, p, stand.Owes, stand.Next)
	case stand.Owes.By() == Person && !strings.Contains(stand.Next, "erson") && !strings.Contains(stand.Next, "eviewer"):
		t.Errorf("%s to %s owes %q by a person and says %q", s, p, stand.Owes, stand.Next)
	case stand.Owes.By() == Self && !strings.Contains(stand.Next, "Cordon"):
		t.Errorf("%s to %s owes %q by Cordon and says %q", s, p, stand.Owes, stand.Next)
	case p == ToAnswer && (strings.Contains(text, "deliver") || strings.Contains(text, "CRM") || stand.Place != PlaceNowhere || stand.Owes == OweDelivery):
		t.Errorf("%s was only asked about, and is told as %+v", s, stand)
	case s.Waits() && stand.Owes.By() != Person:
		t.Errorf("%s waits for a person, and owes %q by %q", s, stand.Owes, stand.Owes.By())
	case p == ToWatch && stand.Place != PlaceIn && stand.Place != PlaceWas && s != Erased:
		t.Errorf("%s was in the CRM before Cordon saw it, and its place is %s", s, stand.Place)
	}
}

// What a state says holds only while the steps that lead there are those that the words think of.
func TestEveryPurposeHasItsSteps(t *testing.T) {
	for _, p := range Purposes() {
		reached := map[State]bool{}
		var visit func(State)
		visit = func(s State) {
			for _, to := range moves[s] {
				if _, ok := p.Stand(to); ok && !reached[to] {
					reached[to] = true
					visit(to)
				}
			}
		}
		visit("")
		for _, s := range States() {
			stand, ok := p.Stand(s)
			if ok && !reached[s] {
				t.Errorf("no way leads what is there to %s to %s", p, s)
			}
			leaves := slices.ContainsFunc(moves[s], func(to State) bool { _, can := p.Stand(to); return can })
			if ok && stand.Owes != "" && !leaves {
				t.Errorf("%s to %s owes %s, and no step leads on", s, p, stand.Owes)
			}
		}
	}
}

func TestVerdictsThatChangeWhatAStateSays(t *testing.T) {
	verdict := func(reasons ...Reason) *Verdict { return &Verdict{Reasons: reasons} }
	for name, c := range map[string]struct {
		it   Item
		want string
		owes Debt
	}{
		"delivered":              {Item{State: Delivered, Op: OpCreate, Mode: ModeInline, Verdict: verdict()}, "delivered", ""},
		"unscanned":              {Item{State: Delivered, Op: OpCreate, Mode: ModeInline, Blob: "blb", Verdict: verdict(ReasonPassedUnscanned)}, rescanned.Name, OweRescan},
		"never judged":           {Item{State: Delivered, Op: OpUpdate, Mode: ModeShadow, Blob: "blb"}, rescanned.Name, OweRescan},
		"unscanned for good":     {Item{State: Delivered, Op: OpCreate, Mode: ModeInline, Verdict: verdict(ReasonPassedUnscanned)}, unscanned.Name, ""},
		"seen":                   {Item{State: Kept, Mode: ModeEvent, Verdict: verdict(ReasonShadow)}, "seen in the CRM, and let be", ""},
		"seen and gone":          {Item{State: Kept, Mode: ModeEvent, Verdict: verdict(ReasonGone, ReasonShadow)}, unread.Name, ""},
		"seen and withheld":      {Item{State: Kept, Mode: ModeBackfill, Verdict: verdict(ReasonNotReadable)}, unread.Name, ""},
		"asked, whatever it was": {Item{State: Kept, Op: OpAsk, Mode: ModeInline, Verdict: verdict(ReasonNotReadable)}, "asked about, and answered", ""},
	} {
		if got := c.it.Stand(); got.Name != c.want || got.Owes != c.owes {
			t.Errorf("%s: %q, owing %q", name, got.Name, got.Owes)
		}
	}
}

// No change takes an item where what it is for cannot be; staying is always permitted, so that
// what is wrong on record can still be written about.
func TestImpossibleStandsAreRefused(t *testing.T) {
	for _, from := range append(States(), "") {
		for _, to := range States() {
			if !from.CanBecome(to) {
				continue
			}
			for _, op := range append(Operations(), "") {
				for _, mode := range Modes() {
					it := Item{Ref: Ref{"acme", KindItem, NewID(PrefixItem)}, State: from, Op: op, Mode: mode}
					err := Change{Of: it.Ref, From: from, To: to, Item: &it,
						Entries: []Entry{NewEntry(EntryReceived, it.Ref, time.Now(), Cordon, nil)}}.Check()
					_, cannot := StandOf(to, op, mode)
					if refused := errors.Is(err, ErrInvalid); refused != (cannot != nil && from != to) {
						t.Errorf("%q → %s of operation %q in mode %q: %v", from, to, op, mode, err)
					}
				}
			}
		}
	}
}

func TestCensus(t *testing.T) {
	c := Census{Unexamined: 2, Stands: []StandCount{{Released, ToWrite, 3}, {Released, ToAnswer, 40}, {Delivered, ToWrite, 500},
		{Delivered, ToAnswer, 1}, {Held, ToWrite, 6}, {Held, ToAnswer, 7}, {Kept, "", 1}}}
	if c.In(Released) != 43 || c.In(Held) != 13 || c.In(Erased) != 0 {
		t.Errorf("released %d, held %d, erased %d", c.In(Released), c.In(Held), c.In(Erased))
	}
	for d, want := range map[Debt]int{OweDelivery: 3, OweDecision: 13, OweRescan: 2, OweSettlement: 2, OweVerdict: 0} {
		if got := c.Owing(d); got != want {
			t.Errorf("%d owe %s, want %d", got, d, want)
		}
	}
}

// The page of states is the table: it is compared and not copied.
func TestStatesAreDocumented(t *testing.T) {
	b, err := os.ReadFile("docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	rows := strings.Count(doc, "\n| `")
	for _, p := range Purposes() {
		for _, s := range States() {
			stand, ok := p.Stand(s)
			if !ok {
				continue
			}
			owes := "–"
			if stand.Owes != "" {
				owes = fmt.Sprintf("`%s`, %s", stand.Owes, stand.Owes.By())
			}
			row := fmt.Sprintf("\n| `%s` | `%s` | %s | %s | %s | `%s` |\n", p, s, stand.Name, owes, stand.Next, stand.Place)
			if rows--; !strings.Contains(doc, row) {
				t.Errorf("docs/states.md lacks%s", row)
			}
		}
	}
	for _, stand := range []Stand{unread, rescanned, unscanned} {
		if !strings.Contains(doc, stand.Name) || !strings.Contains(doc, stand.Next) {
			t.Errorf("docs/states.md lacks %q, %q", stand.Name, stand.Next)
		}
	}
	if rows != 0 {
		t.Errorf("docs/states.md has %d rows too many", rows)
	}
}
