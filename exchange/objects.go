package exchange

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/cordonhq/cordon"
)

// maxObject bounds one object of a list, in bytes.
const maxObject = 64 << 10

// objects calls each with the objects of an array, one after the other. The array is the whole,
// or the member with a name of an object, of which the other members are left out.
func objects(r io.Reader, member string, each func(at int, raw json.RawMessage) error) error {
	d := json.NewDecoder(r)
	bad := func(err error) error {
		return fmt.Errorf("%w: it is neither a JSON array of objects nor an object with the array %q: %w", cordon.ErrInvalid, member, err)
	}
	open, err := d.Token()
	if err != nil {
		return bad(err)
	}
	if open == json.Delim('[') {
		if err := array(d, each); err != nil {
			return err
		}
		return end(d)
	}
	if open != json.Delim('{') {
		return bad(errors.New("it begins with something else"))
	}
	found := false
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return bad(err)
		}
		if name != member || found {
			var skip json.RawMessage
			if err := d.Decode(&skip); err != nil {
				return bad(err)
			}
			continue
		}
		found = true
		if open, err := d.Token(); err != nil || open != json.Delim('[') {
			return bad(fmt.Errorf("%q is no array", member))
		}
		if err := array(d, each); err != nil {
			return err
		}
	}
	if !found {
		return bad(fmt.Errorf("there is no %q", member))
	}
	if _, err := d.Token(); err != nil {
		return bad(err)
	}
	return end(d)
}

func array(d *json.Decoder, each func(int, json.RawMessage) error) error {
	for at := 1; d.More(); at++ {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return fmt.Errorf("%w: object %d is not JSON: %w", cordon.ErrInvalid, at, err)
		}
		if len(raw) > maxObject {
			return fmt.Errorf("%w: object %d has %d bytes, the limit is %d", cordon.ErrTooLarge, at, len(raw), maxObject)
		}
		if err := each(at, raw); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("%w: the array does not end: %w", cordon.ErrInvalid, err)
	}
	return nil
}

func end(d *json.Decoder) error {
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the list", cordon.ErrInvalid)
	}
	return nil
}

// writeObjects writes what around returns for each entry as an array between head and tail.
func writeObjects(w io.Writer, head, tail string, next func() (cordon.KnownFile, bool, error), of func(cordon.KnownFile) any) error {
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	between := "\n"
	for {
		k, more, err := next()
		if err != nil {
			return err
		}
		if !more {
			_, err := io.WriteString(w, tail)
			return err
		}
		b, err := json.Marshal(of(k))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", between, b); err != nil {
			return err
		}
		between = ",\n"
	}
}
