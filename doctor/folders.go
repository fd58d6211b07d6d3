package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// BackupMark is the file in the keys folder that says when the keys were last copied to
// another place: {"at":"2026-11-21T12:00:00Z","to":"…"}. Whoever copies them writes it.
const BackupMark = "backup.json"

// Bytes that the data folder's disk should have left. The largest upload is 2 GB.
const (
	freeLeast = 2 << 30
	freeFine  = 20 << 30
)

func examineFolders(conf Config, r *lines) {
	examineData(conf, r)
	examineKeys(conf, r)
}

func examineData(conf Config, r *lines) {
	if conf.Data == "" {
		r.add(Line{Check: "data-folder", State: Missing, Needed: true, Says: "no data folder is named", Evidence: "configuration: data", Do: "Set data to a folder for records and bytes."})
		return
	}
	r.add(folder("data-folder", "data folder", conf.Data))
	dir := existing(conf.Data)
	l := Line{Check: "data-space", State: OK}
	left, err := conf.Free(dir)
	l.Says, l.Evidence = fmt.Sprintf("%d GB are free", left>>30), fmt.Sprintf("file system of %s: %d MB free", dir, left>>20)
	switch {
	case err != nil:
		l.State, l.Says, l.Evidence, l.Do = Unknown, "how much space is left", "file system of "+dir+": "+err.Error(), "Look at it with df."
	case left < freeLeast:
		l.State, l.Needed, l.Do = Missing, true, "Make room: one upload may take 2 GB, and nothing is accepted that cannot be kept."
	case left < freeFine:
		l.State, l.Do = Warning, "Make room before a busy day: bytes stay until they are delivered, and held ones until a person has decided."
	}
	r.add(l)
	examineAside(conf.Data, r)
}

// examineAside tells of bytes without a record. That there are none needs no line.
func examineAside(data string, r *lines) {
	pattern := filepath.Join(data, "bytes", "aside", "*", "*")
	aside, err := filepath.Glob(pattern)
	if err == nil && len(aside) == 0 {
		return
	}
	l := Line{Check: "bytes-aside", State: Warning, Says: fmt.Sprintf("%d files of bytes without a record are set aside", len(aside)), Evidence: pattern,
		Do: "A few are what a crash leaves. Many mean that serve ran with other records than these bytes belong to: put the right ones back within 30 days, and they are taken back."}
	if err != nil {
		l.State, l.Says, l.Evidence = Unknown, "whether bytes without a record are set aside", err.Error()
	}
	r.add(l)
}

// folder looks at a folder of ours: nobody else is to look into it, and it must be writable.
func folder(check, what, dir string) Line {
	info, err := os.Stat(dir)
	l := Line{Check: check}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		parent := existing(dir)
		if writable(parent) != nil {
			l.State, l.Needed, l.Says, l.Evidence = Missing, true, "the "+what+" is not there and cannot be made", fmt.Sprintf("%s: not there, %s: not writable by this user", dir, parent)
			l.Do = "Make it, with mode 700, for the user that runs serve."
			return l
		}
		l.State, l.Says, l.Evidence = Unknown, "the "+what+" is not there yet; serve makes it", dir+": not there, its parent is writable"
		l.Do = "Run cordon doctor again after the first start."
	case err != nil:
		l.State, l.Needed, l.Says, l.Evidence, l.Do = Missing, true, "the "+what+" cannot be looked into", err.Error(), "Run cordon doctor as the user that runs serve, or mend the folder's permissions."
	case !info.IsDir():
		l.State, l.Needed, l.Says, l.Evidence, l.Do = Missing, true, "the "+what+" is no folder", dir+": a file", "Name a folder."
	case writable(dir) != nil:
		l.State, l.Needed, l.Says, l.Evidence, l.Do = Missing, true, "the "+what+" cannot be written", writable(dir).Error(), "Give it to the user that runs serve."
	case info.Mode().Perm()&0o077 != 0:
		l.State, l.Says, l.Evidence, l.Do = Warning, "others on this machine may look into the "+what, fmt.Sprintf("%s has mode %04o", dir, info.Mode().Perm()), "chmod 700 "+dir
	default:
		l.State, l.Says, l.Evidence = OK, "the "+what+" is writable, and nobody else's to read", fmt.Sprintf("%s has mode %04o; a file was made and removed", dir, info.Mode().Perm())
	}
	return l
}

func examineKeys(conf Config, r *lines) {
	if conf.Keys == "" {
		r.add(Line{Check: "keys-folder", State: Missing, Needed: true, Says: "no keys folder is named", Evidence: "configuration: keys", Do: "Set keys to a folder outside data."})
		return
	}
	r.add(folder("keys-folder", "keys folder", conf.Keys))
	switch err := apart(conf); {
	case err != nil:
		r.add(Line{Check: "keys-apart", State: Missing, Needed: true, Says: "the keys lie with the data, so a copy of the data carries what opens it", Evidence: err.Error(), Do: "Move the keys folder out of the data folder."})
	default:
		r.add(Line{Check: "keys-apart", State: OK, Says: "the keys lie outside the data folder", Evidence: conf.Keys + " is not below " + conf.Data})
	}
	r.add(backup(conf))
}

func apart(conf Config) error {
	if conf.KeysApart == nil || conf.Data == "" {
		return nil
	}
	return conf.KeysApart(conf.Keys, conf.Data)
}

// backup believes the mark, and only as far as it is newer than every key.
func backup(conf Config) Line {
	mark := filepath.Join(conf.Keys, BackupMark)
	l := Line{Check: "keys-backup", State: Unknown, Says: "whether the keys are backed up; without them everything that is held is lost"}
	const do = "Copy the keys folder to another place than the data, then write when and where to its " + BackupMark + `: {"at":"2026-11-21T12:00:00Z","to":"safe in room 2"}`
	b, err := os.ReadFile(mark)
	if err != nil {
		l.Evidence, l.Do = mark+": not there", do
		if !errors.Is(err, fs.ErrNotExist) {
			l.Evidence = err.Error()
		}
		return l
	}
	var said struct {
		At time.Time `json:"at"`
		To string    `json:"to"`
	}
	if err := json.Unmarshal(b, &said); err != nil || said.At.IsZero() {
		l.Evidence, l.Do = mark+": no time in it", do
		return l
	}
	entries, err := os.ReadDir(conf.Keys)
	if err != nil {
		l.Evidence, l.Do = err.Error(), do
		return l
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && e.Name() != BackupMark && info.ModTime().After(said.At) {
			l.State, l.Says = Warning, "a key is newer than the last copy of the keys"
			l.Evidence, l.Do = fmt.Sprintf("%s: %s; %s: %s", mark, said.At.UTC().Format(time.RFC3339), e.Name(), info.ModTime().UTC().Format(time.RFC3339)), do
			return l
		}
	}
	l.State, l.Says = OK, "somebody noted a copy of the keys; whether it can be read was not tried"
	l.Evidence = fmt.Sprintf("%s: at %s, to %q; no key is newer", mark, said.At.UTC().Format(time.RFC3339), said.To)
	return l
}

// existing is dir or the nearest folder above it that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// writable tries what every upload needs.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
