package account

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/cordonhq/cordon"
)

// How many passwords are hashed at one time, which bounds the memory that it takes, and how many
// may wait for it. Each hash takes a processor for tens of milliseconds, so the last of them
// waits some seconds.
const (
	hashers           = 2
	maxWaiting        = 64
	maxWaitingAddress = 4
)

// queue is where those who sign in wait for a hasher. It is not first come, first served: whoever
// sends the most would then make all others wait. Those go first who come from where the login
// was right before; then, of the rest, those whose network has had the fewest turns, then whose
// login has. Nothing goes by whether a login exists, so that the wait does not tell.
type queue struct {
	mu      sync.Mutex
	hashing int
	waiting []*waiter      // in the order in which they came
	turns   map[string]int // by network and by login, since nobody waited
}

// waiter is one who signs in.
type waiter struct {
	known          bool // the browser or the address is one at which this login was right
	login, address string
	turn           chan error // gets one value: nil, or why there will be no turn
}

var errCrowded = fmt.Errorf("%w: too many sign in at this moment; wait some seconds and try again", cordon.ErrBusy)

// enter waits for a turn. Whoever had one calls leave.
func (q *queue) enter(ctx context.Context, w *waiter) error {
	w.turn = make(chan error, 1)
	if err := q.join(w); err != nil {
		return err
	}
	select {
	case err := <-w.turn:
		return err
	case <-ctx.Done():
		q.mu.Lock()
		i := slices.Index(q.waiting, w)
		if i >= 0 {
			q.waiting = slices.Delete(q.waiting, i, i+1)
		}
		q.mu.Unlock()
		if i < 0 && <-w.turn == nil {
			q.leave() // the turn had come just then
		}
		return ctx.Err()
	}
}

// join lets the waiter in at once where a hasher is free, or gives it a place. Where all places
// are taken, a network that has more of them than others gives one up.
func (q *queue) join(w *waiter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hashing < hashers && len(q.waiting) == 0 {
		q.hashing++
		q.let(w)
		return nil
	}
	same := 0
	for _, other := range q.waiting {
		if other.address == w.address {
			same++
		}
	}
	if same >= maxWaitingAddress {
		return errCrowded
	}
	if len(q.waiting) >= maxWaiting {
		i := q.last(w)
		if i < 0 {
			return errCrowded
		}
		q.waiting[i].turn <- errCrowded
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	q.waiting = append(q.waiting, w)
	return nil
}

// last returns who gives up a place for w: the one who came last of the network with the most
// places, if that is more than w's own will have. It is -1 if nobody does.
func (q *queue) last(w *waiter) int {
	places := map[string]int{}
	for _, other := range q.waiting {
		if !other.known {
			places[network(other.address)]++
		}
	}
	most, at := places[network(w.address)]+1, -1
	if w.known {
		most = 0
	}
	for i, other := range q.waiting {
		if n := places[network(other.address)]; !other.known && n > 0 && (n > most || n == most && at >= 0) {
			most, at = n, i
		}
	}
	return at
}

// leave gives the hasher to the next.
func (q *queue) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		if q.hashing--; q.hashing == 0 {
			clear(q.turns)
		}
		return
	}
	next := 0
	for i, w := range q.waiting {
		if q.before(w, q.waiting[next]) {
			next = i
		}
	}
	w := q.waiting[next]
	q.waiting = slices.Delete(q.waiting, next, next+1)
	q.let(w)
}

func (q *queue) before(a, b *waiter) bool {
	if a.known != b.known {
		return a.known
	}
	if x, y := q.turns[network(a.address)], q.turns[network(b.address)]; x != y {
		return x < y
	}
	return q.turns[" "+a.login] < q.turns[" "+b.login]
}

// let counts a turn and gives it.
func (q *queue) let(w *waiter) {
	if len(q.turns) >= maxTracked {
		clear(q.turns)
	}
	q.turns[network(w.address)]++
	q.turns[" "+w.login]++
	w.turn <- nil
}

// network is what one sender can easily have many addresses of: a /24, or a /48 of IPv6.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	bits := 48
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		bits = 24
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return address
	}
	return p.String()
}
