package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxEntry is the largest entry in bytes.
const maxEntry = 4 << 10

// An entry is one line of the ledger, as far as a verifier looks into it.
type entry struct {
	id, kind, tenant, of, actor string
	at                          time.Time
}

func (e entry) String() string {
	return fmt.Sprintf("%s  %s  %s  by %s", e.at.Format(time.RFC3339Nano), e.kind, e.of, e.actor)
}

// parseEntry reads an entry of version 1: RFC 8785 JSON with exactly these fields, whose
// facts are codes, whole numbers, booleans and lists of codes.
func parseEntry(b []byte) (entry, error) {
	if len(b) > maxEntry {
		return entry{}, fmt.Errorf("entry of %d bytes", len(b))
	}
	s := &scanner{rest: string(b)}
	var e entry
	s.lit(`{"actor":`)
	e.actor = s.name()
	s.lit(`,"at":`)
	at := s.str()
	s.lit(`,"facts":`)
	s.facts()
	s.lit(`,"id":`)
	e.id = s.name()
	s.lit(`,"kind":`)
	e.kind = s.name()
	s.lit(`,"of":`)
	e.of = s.name()
	s.lit(`,"tenant":`)
	e.tenant = s.name()
	s.lit(`,"v":1}`)
	s.end()
	if s.err != nil {
		return entry{}, fmt.Errorf("entry: %w", s.err)
	}
	var err error
	if e.at, err = time.Parse(time.RFC3339Nano, at); err != nil || e.at.UTC().Format(time.RFC3339Nano) != at || e.at.Year() < 1970 {
		return entry{}, fmt.Errorf("entry: %.40q is not a time in UTC in its shortest form", at)
	}
	for _, pair := range []string{e.of, e.actor} {
		if kind, id, _ := strings.Cut(pair, "/"); kind == "" || id == "" {
			return entry{}, fmt.Errorf("entry: %.40q is not of the form kind/id", pair)
		}
	}
	if e.id == "" || e.kind == "" || e.tenant == "" {
		return entry{}, errors.New("entry: it lacks its id, kind or tenant")
	}
	return e, nil
}

func (s *scanner) facts() {
	s.lit("{")
	if s.try("}") {
		return
	}
	for last := ""; s.err == nil; {
		name := s.code()
		if last != "" && name <= last {
			s.fail("fact %q does not come after %q", name, last)
		}
		if last = name; name == "" {
			s.fail("a fact has no name")
		}
		s.lit(":")
		s.value()
		if s.try("}") {
			return
		}
		s.lit(",")
	}
}

func (s *scanner) value() {
	switch {
	case s.try("true"), s.try("false"):
	case strings.HasPrefix(s.rest, `"`):
		s.code()
	case strings.HasPrefix(s.rest, "["):
		s.list(func() { s.code() })
	default:
		s.integer()
	}
}

// code reads a string that could not hold a sentence.
func (s *scanner) code() string { return s.short(128) }

// name is a code that may be longer, for it puts kind and id together.
func (s *scanner) name() string { return s.short(512) }

func (s *scanner) short(limit int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/@+;="
	text := s.str()
	if len(text) > limit || strings.Trim(text, letters) != "" {
		s.fail("%.40q is not a code", text)
	}
	return text
}
