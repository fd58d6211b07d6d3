package declared

// automaton finds any of many literals in one pass, at the same cost a byte however many
// there are and whatever the text is (A. V. Aho and M. J. Corasick, 1975). Letters of ASCII
// count as the same in both cases.
type automaton struct {
	next    [][]int32 // by state and class of byte
	class   [256]uint8
	classes int
	found   [][]int // by state: the literals that end there
	lengths []int
}

// newAutomaton prepares for literals, which are in lower case and not empty.
func newAutomaton(literals []string) *automaton {
	a := &automaton{classes: 1} // class 0: bytes of no literal
	for _, lit := range literals {
		for i := range len(lit) {
			if c := lit[i]; a.class[c] == 0 {
				a.class[c] = uint8(a.classes)
				a.classes++
			}
		}
		a.lengths = append(a.lengths, len(lit))
	}
	for c := byte('A'); c <= 'Z'; c++ {
		a.class[c] = a.class[c|0x20]
	}
	a.grow()
	for n, lit := range literals {
		at := int32(0)
		for i := range len(lit) {
			to := a.next[at][a.class[lit[i]]]
			if to == 0 {
				to = a.grow()
				a.next[at][a.class[lit[i]]] = to
			}
			at = to
		}
		a.found[at] = append(a.found[at], n)
	}
	a.link()
	return a
}

func (a *automaton) grow() int32 {
	a.next = append(a.next, make([]int32, a.classes))
	a.found = append(a.found, nil)
	return int32(len(a.next) - 1)
}

// link says for every state and byte where to go on when no literal goes on there.
func (a *automaton) link() {
	back := make([]int32, len(a.next))
	var queue []int32
	for _, to := range a.next[0] {
		if to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		a.found[at] = append(a.found[at], a.found[back[at]]...)
		for c, to := range a.next[at] {
			if to == 0 {
				a.next[at][c] = a.next[back[at]][c]
				continue
			}
			back[to] = a.next[back[at]][c]
			queue = append(queue, to)
		}
	}
}

// scan calls hit with each literal and where it begins, in the order of their ends, until hit
// returns false.
func (a *automaton) scan(s string, hit func(literal, at int) bool) {
	state := int32(0)
	for i := range len(s) {
		state = a.next[state][a.class[s[i]]]
		for _, n := range a.found[state] {
			if !hit(n, i+1-a.lengths[n]) {
				return
			}
		}
	}
}
