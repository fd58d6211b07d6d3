package exchange

import (
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/internal/sheet"
)

// columns of a CSV; kind and value are needed, the others may be absent, in any order.
var columns = []string{"list", "kind", "value", "expires_at", "source", "source_id", "severity", "confidence", "note"}

func (l *reading) csv(r io.Reader) error {
	c := csv.NewReader(r)
	c.ReuseRecord, c.FieldsPerRecord = true, -1
	head, err := c.Read()
	if err != nil {
		return fmt.Errorf("%w: the first line must name the columns, at least kind,value: %w", cordon.ErrInvalid, err)
	}
	at := map[string]int{}
	width := len(head)
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if _, twice := at[name]; twice || !slices.Contains(columns, name) {
			return fmt.Errorf("%w: the first line names the column %.40q; there are %s, each once", cordon.ErrInvalid, name, strings.Join(columns, ", "))
		}
		at[name] = i
	}
	for _, needed := range []string{"kind", "value"} {
		if _, ok := at[needed]; !ok {
			return fmt.Errorf("%w: the first line does not name the column %s", cordon.ErrInvalid, needed)
		}
	}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) { // what follows a broken quote cannot be told apart
			return fmt.Errorf("%w: line %d cannot be read: %w", cordon.ErrInvalid, broken.Line, broken.Err)
		}
		if err != nil {
			return fmt.Errorf("read the list: %w", err)
		}
		line, _ := c.FieldPos(0)
		cell := func(name string) string {
			if i, ok := at[name]; ok && i < len(row) {
				return sheet.Plain(strings.Clone(row[i]))
			}
			return ""
		}
		k, err := fromCells(cell)
		if len(row) != width {
			err = fmt.Errorf("%w: it has %d cells, the first line has %d", cordon.ErrInvalid, len(row), width)
		}
		if err := l.add(line, k, err); err != nil {
			return err
		}
	}
}

func fromCells(cell func(string) string) (k cordon.KnownFile, err error) {
	k = cordon.KnownFile{List: cordon.KnownList(cell("list")), Kind: cordon.KnownKind(cell("kind")), Source: cell("source"), Ref: cell("source_id"),
		Severity: cell("severity"), Note: cell("note")}
	if k.Value, err = valueOf(cell("value")); err != nil {
		return k, err
	}
	if text := cell("expires_at"); text != "" {
		if k.Expires, err = timeOf(text); err != nil {
			return k, err
		}
	}
	if text := cell("confidence"); text != "" {
		if k.Confidence, err = strconv.Atoi(text); err != nil {
			return k, fmt.Errorf("%w: confidence is a number from 1 to 100, not %.20q", cordon.ErrInvalid, text)
		}
	}
	return k, nil
}

// timeOf reads RFC 3339, or a day, which begins in UTC.
func timeOf(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: the time %.40q is not written like 2026-11-30T12:00:00Z or 2026-11-30", cordon.ErrInvalid, text)
}

func writeCSV(w io.Writer, next func() (cordon.KnownFile, bool, error)) error {
	c := sheet.NewWriter(w)
	c.Row(columns...)
	for {
		k, more, err := next()
		if err != nil {
			return err
		}
		if !more {
			return c.Flush()
		}
		expires, confidence := "", ""
		if !k.Expires.IsZero() {
			expires = k.Expires.UTC().Format(time.RFC3339)
		}
		if k.Confidence > 0 {
			confidence = strconv.Itoa(k.Confidence)
		}
		c.Row(string(k.List), string(k.Kind), hex.EncodeToString(k.Value), expires, k.Source, k.Ref, k.Severity, confidence, k.Note)
	}
}
