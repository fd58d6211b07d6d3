package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/rowmac"
)

// knownParts is into how many parts the range of keyed values is divided. To believe that a value
// is on no list its part is read, so that with a hundred thousand entries it costs a hundred rows.
const knownParts = 1024

func partOf(value []byte) int {
	if len(value) < 2 {
		return 0
	}
	return int(binary.BigEndian.Uint16(value) >> 6)
}

// partRange returns the values between which a part lies; high is nil behind the last.
func partRange(part int) (low, high []byte) {
	low = binary.BigEndian.AppendUint16(nil, uint16(part<<6))
	if part+1 < knownParts {
		high = binary.BigEndian.AppendUint16(nil, uint16((part+1)<<6))
	} else {
		high = bytesMax
	}
	return low, high
}

// bytesMax is behind every keyed value.
var bytesMax = func() []byte {
	b := make([]byte, 40)
	for i := range b {
		b[i] = 0xff
	}
	return b
}()

// knownSums are the sums of what is on a tenant's lists.
type knownSums struct {
	tenant cordon.TenantID
	number int64 // of the change of the lists after which they stand
	there  bool  // as a row
	parts  [knownParts]rowmac.Sum
}

func (s *knownSums) bytes() []byte {
	b := make([]byte, 0, knownParts*16)
	for _, p := range s.parts {
		b = append(b, p[:]...)
	}
	return b
}

func (s *knownSums) row() *rowmac.Row {
	return rowmac.Of("known_sums").Text(string(s.tenant)).Int(s.number).Bytes(s.bytes())
}

func (s *knownSums) add(m *marks, k *cordon.Known) {
	if m.keys != nil {
		m.keys.Add(&s.parts[partOf(k.Value)], markKnown(s.tenant, k))
	}
}

// takeOut takes rows out of the sums, as they stand, and returns them.
func (s *knownSums) takeOut(m *marks, tx txn, by string, arg any) ([]cordon.Known, error) {
	var old []cordon.Known
	err := tx.query(func(row scan) error {
		k, err := m.scanKnown(s.tenant, row)
		old = append(old, k)
		return err
	}, knownSelect+`WHERE tenant = $1 AND `+by+` = $2`, s.tenant, arg)
	for i := range old {
		if err == nil && m.keys != nil {
			m.keys.Sub(&s.parts[partOf(old[i].Value)], markKnown(s.tenant, &old[i]))
		}
	}
	return old, err
}

func (m *marks) scanSums(s *knownSums, row scan) error {
	var b, mark []byte
	if err := row(&s.number, &b, &mark); err != nil {
		return err
	}
	s.there = true
	for i := range s.parts {
		copy(s.parts[i][:], b[min(len(b), i*16):])
	}
	return m.check("known_sums", cordon.KnownFiles, mark, s.row())
}

const sumsSelect = `SELECT number, sums, mac FROM known_sums WHERE tenant = $1`

// lockSums reads the sums that are to change.
func (m *marks) lockSums(tx txn, tenant cordon.TenantID) (*knownSums, error) {
	s := &knownSums{tenant: tenant}
	err := tx.query(func(row scan) error { return m.scanSums(s, row) }, sumsSelect+` FOR UPDATE`, tenant)
	return s, err
}

func (s *knownSums) write(m *marks, tx txn) error {
	return tx.send(1, nil, `
		INSERT INTO known_sums (tenant, number, sums, mac) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant) DO UPDATE SET number = excluded.number, sums = excluded.sums, mac = excluded.mac`,
		s.tenant, s.number, s.bytes(), m.of(s.row()))
}

// asks runs a query, in a transaction or outside of one.
type asks func(each func(scan) error, sql string, args ...any) error

// checksKnown reports whether lists are to be checked: those that are not sealed have rows that are
// in no sum.
func (m *marks) checksKnown() bool { return m.keys != nil && !m.unmarked }

// knownPart returns the entries in the part of the range where a value lies, once they check out
// against the sums, and those against the setting of which the ledger speaks.
func (db *DB) knownPart(ctx context.Context, tenant cordon.TenantID, value []byte) ([]cordon.Known, error) {
	if !db.marks.checksKnown() {
		return db.known(ctx, tenant, `WHERE tenant = $1 AND value = $2`, tenant, value)
	}
	low, high := partRange(partOf(value))
	var found []cordon.Known
	err := db.checkedKnown(ctx, tenant, func(s *knownSums, ask asks) error {
		found = nil
		var sum rowmac.Sum
		err := ask(func(row scan) error {
			k, err := db.marks.scanKnown(tenant, row)
			found = append(found, k)
			db.marks.keys.Add(&sum, markKnown(tenant, &k))
			return err
		}, knownSelect+`WHERE tenant = $1 AND value >= $2 AND value < $3`, tenant, low, high)
		if err == nil && sum != s.parts[partOf(value)] {
			err = errSums
		}
		return err
	})
	return found, err
}

// checkKnown checks all lists of a tenant.
func (db *DB) checkKnown(ctx context.Context, tenant cordon.TenantID) error {
	if !db.marks.checksKnown() {
		return nil
	}
	return db.checkedKnown(ctx, tenant, func(s *knownSums, ask asks) error {
		now := knownSums{tenant: tenant}
		err := ask(func(row scan) error {
			k, err := db.marks.scanKnown(tenant, row)
			now.add(db.marks, &k)
			return err
		}, knownSelect+`WHERE tenant = $1 ORDER BY value`, tenant)
		if err == nil && now.parts != s.parts {
			err = errSums
		}
		return err
	})
}

var errSums = errors.New("what is on the lists is not what was put there")

// checkedKnown has entries read and compared with the sums. Where they do not fit, a change may
// have come in between: then they are read once more, with changes kept out.
func (db *DB) checkedKnown(ctx context.Context, tenant cordon.TenantID, compare func(*knownSums, asks) error) error {
	read := func(each func(scan) error, sql string, args ...any) error {
		return db.read(ctx, asApp, tenant, each, sql, args...)
	}
	setting, err := db.Thing(ctx, knownRef(tenant))
	if errors.Is(err, cordon.ErrNotFound) {
		err = nil
	}
	s := &knownSums{tenant: tenant}
	if err == nil && setting.Version > 0 {
		err = read(func(row scan) error { return db.marks.scanSums(s, row) }, sumsSelect, tenant)
	}
	if err == nil {
		if err = compare(s, read); err == nil && s.number == setting.Version {
			return nil
		}
	}
	if err != nil && !errors.Is(err, errSums) {
		return fmt.Errorf("read the lists of known files: %w", err)
	}
	err = db.write(ctx, asApp, tenant, func(tx txn) error {
		setting, err := newStanding(db.marks).lockThing(tx, knownRef(tenant))
		if err != nil {
			return err
		}
		s, err := db.marks.lockSums(tx, tenant)
		if err == nil {
			err = compare(s, tx.query)
		}
		if err == nil && s.number != setting.Version {
			err = errSums
		}
		return err
	})
	if errors.Is(err, errSums) {
		err = db.marks.forged("known", cordon.KnownFiles, errSums.Error())
	}
	if err != nil {
		return fmt.Errorf("read the lists of known files: %w", err)
	}
	return nil
}
