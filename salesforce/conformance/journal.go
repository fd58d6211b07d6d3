package conformance

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/cordonhq/cordon"
)

// journal is a file of lines that says what a run is about to make, and what it has made. It
// holds ids of the org and its host: it stays on the machine and is removed once the org is
// clean.
type journal struct {
	path string
	file *os.File
}

// note is one line of a journal.
type note struct {
	At     time.Time `json:"at"`
	Host   string    `json:"host,omitempty"`   // first line: the org
	Marker string    `json:"marker,omitempty"` // first line: what every name begins with
	About  string    `json:"about,omitempty"`  // object that is about to be created
	Object string    `json:"object,omitempty"` // with ID: what was created
	ID     string    `json:"id,omitempty"`
}

// left is what a journal says may still be in an org.
type left struct {
	host, marker string
	objects      map[string]bool
	ids          map[string][]string // by object
}

// openJournal starts a journal. One that is there belongs to a run that has not cleaned up.
func openJournal(path, host, marker string, now time.Time) (*journal, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: %s is there: a run before this one did not clean up (run it with --cleanup first)", cordon.ErrNotNow, path)
	}
	if err != nil {
		return nil, fmt.Errorf("write the journal of what is made in the org: %w", err)
	}
	j := &journal{path, f}
	return j, j.write(note{At: now, Host: host, Marker: marker})
}

// write adds a line. It returns once what is about to be made would survive losing power; an id
// only helps to find by its number what can be found by its name.
func (j *journal) write(n note) error {
	line, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write the journal of what is made in the org: %w", err)
	}
	if n.ID != "" {
		return nil
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("write the journal of what is made in the org: %w", err)
	}
	return nil
}

func (j *journal) close() error { return j.file.Close() }

// readJournal reads what a run left behind. A last line that was cut off is left out.
func readJournal(path string) (left, error) {
	l := left{objects: map[string]bool{}, ids: map[string][]string{}}
	f, err := os.Open(path)
	if err != nil {
		return l, fmt.Errorf("read the journal of an earlier run: %w", err)
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return l, fmt.Errorf("read the journal of an earlier run: %w", err)
		}
		var n note
		if err := json.Unmarshal(line, &n); err != nil {
			return l, fmt.Errorf("%w: %s is not a journal of this command", cordon.ErrInvalid, path)
		}
		switch {
		case n.Marker != "":
			l.host, l.marker = n.Host, n.Marker
		case n.ID != "":
			l.ids[n.Object] = append(l.ids[n.Object], n.ID)
			l.objects[n.Object] = true
		case n.About != "":
			l.objects[n.About] = true
		}
	}
	if !markerPattern.MatchString(l.marker) {
		return l, fmt.Errorf("%w: %s is not a journal of this command", cordon.ErrInvalid, path)
	}
	return l, nil
}
