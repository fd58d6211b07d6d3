package keyring

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A master key file is three lines of text:
//
//	cordon master key 1
//	key 64 hex digits
//	sum the first 16 hex digits of the SHA-256 of the two lines above, line ends included
//
// The sum tells a damaged file from a wrong one, and says nothing of 256 random bits.
const masterTitle = "cordon master key 1\n"

const markSize = 8

// master is the master key, opened.
type master struct {
	aead cipher.AEAD
	mark [markSize]byte // says which master key it is: not secret
	rows []byte         // from which the keys of the marks of rows are made
}

// Format keeps the key out of every print verb.
func (*master) Format(f fmt.State, _ rune) { io.WriteString(f, "[master key]") }

// Create writes a fresh master key to a file that only its owner can read. It never
// overwrites: the error is fs.ErrExist if there is a file. When it returns, the file
// survives losing power. Without a copy of it, kept apart from copies of the data, the data
// is lost with the file.
func Create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create master key: %w; a master key is never overwritten, since all data under it would be lost", err)
	}
	if err != nil {
		return fmt.Errorf("create master key: %w", err)
	}
	_, err = f.Write(encodeMaster(random(keySize)))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(path)
		return fmt.Errorf("create master key: %w", err)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("create master key: %w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("create master key: %w", err)
	}
	return nil
}

func encodeMaster(key []byte) []byte {
	b := fmt.Appendf(nil, "%skey %x\n", masterTitle, key)
	sum := sha256.Sum256(b)
	return fmt.Appendf(b, "sum %x\n", sum[:8])
}

func decodeMaster(b []byte) ([]byte, error) {
	if !bytes.HasPrefix(b, []byte("cordon master key ")) {
		return nil, errors.New("this is not a master key file; \"cordon init\" makes one")
	}
	if !bytes.HasPrefix(b, []byte(masterTitle)) {
		return nil, errors.New("this master key file is of another version than this program reads")
	}
	digits, ok := bytes.CutPrefix(b[len(masterTitle):], []byte("key "))
	if !ok || len(digits) < 2*keySize {
		return nil, errors.New("the master key file is damaged: restore it from its copy")
	}
	key, err := hex.DecodeString(string(digits[:2*keySize]))
	// Comparing the whole text also refuses what was appended, and other spellings.
	if err != nil || !bytes.Equal(b, encodeMaster(key)) {
		return nil, errors.New("the master key file is damaged (its sum does not match): restore it from its copy")
	}
	return key, nil
}

func readMaster(path string) (*master, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open master key (\"cordon init\" makes one): %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("open master key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open master key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("open master key %s: not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("open master key %s: others can read or change it (mode %#o): run chmod 600 on it, and consider whether it was copied", path, mode)
	}
	b, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return nil, fmt.Errorf("open master key: %w", err)
	}
	key, err := decodeMaster(b)
	if err != nil {
		return nil, fmt.Errorf("open master key %s: %w", path, err)
	}
	m := &master{}
	if m.aead, err = newGCM(key); err != nil {
		return nil, err
	}
	if m.rows, err = hkdf.Key(sha256.New, key, nil, "cordon rows 1", keySize); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte("cordon master key mark"), key...))
	copy(m.mark[:], sum[:])
	return m, nil
}

// CheckApart refuses a master key inside the data folder, where each copy of the data would
// carry the key that opens it. Links are followed, and neither needs to exist yet.
func CheckApart(keyPath, dataDir string) error {
	key, err := resolve(keyPath)
	if err != nil {
		return fmt.Errorf("find master key: %w", err)
	}
	data, err := resolve(dataDir)
	if err != nil {
		return fmt.Errorf("find data folder: %w", err)
	}
	dataInfo, statErr := os.Stat(data)
	for dir := filepath.Dir(key); ; dir = filepath.Dir(dir) {
		inside := dir == data
		if info, err := os.Stat(dir); err == nil && statErr == nil {
			// Folders can have two names: bind mounts, file systems without case.
			inside = inside || os.SameFile(info, dataInfo)
		}
		if inside {
			return fmt.Errorf("master key %s lies inside the data folder %s: move it out, so that a copy of the data does not carry its key", keyPath, dataDir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// resolve returns the absolute path with all links followed as far as the path exists.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
		return real, err
	}
	parent, err := resolve(filepath.Dir(path))
	return filepath.Join(parent, filepath.Base(path)), err
}
