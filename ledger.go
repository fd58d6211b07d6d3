package cordon

import "time"

// PendingEntry is an entry that is committed and has no place in the Merkle log yet.
type PendingEntry struct {
	ID   ID
	Of   Ref
	Body []byte // canonical JSON
}

// LedgerHead is the size, root and signed checkpoint of one tenant's log.
type LedgerHead struct {
	Size       int64
	Root       [32]byte
	Checkpoint []byte // C2SP signed note; nil while the log is empty
	At         time.Time
}

// LedgerTile is one tile of hashes, in the layout of C2SP tlog-tiles with height 8. A tile
// at the right edge is partial and is replaced as it grows.
type LedgerTile struct {
	Level int
	N     int64
	Data  []byte // 32 bytes a hash, at most 256 hashes
}

// LedgerAppend places entries From, From+1, … and moves the head, all in one transaction.
type LedgerAppend struct {
	From    int64
	Entries []ID
	Tiles   []LedgerTile
	Head    LedgerHead
}
