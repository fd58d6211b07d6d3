package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/cordonhq/cordon"
	"golang.org/x/mod/sumdb/tlog"
)

// Tiles are eight levels high, as C2SP tlog-tiles fixes it.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// An edge is the right-hand edge of a tree: row L holds the hashes of the partial tile at
// level L. That is all one needs to let the tree grow and to know its root, a few hundred
// hashes for any size.
type edge struct {
	size int64
	rows [][]tlog.Hash
}

// tileSource is where tiles come from.
type tileSource interface {
	Tile(ctx context.Context, tenant cordon.TenantID, level int, n int64) ([]byte, error)
}

// loadEdge reads the edge of the tree with size entries.
func loadEdge(ctx context.Context, from tileSource, tenant cordon.TenantID, size int64) (*edge, error) {
	e := &edge{size: size}
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		count := size >> (tileHeight * level)
		row := make([]tlog.Hash, 0, tileWidth)
		if width := int(count % tileWidth); width > 0 {
			data, err := readTile(ctx, from, tenant, level, count/tileWidth, width)
			if err != nil {
				return nil, err
			}
			row = append(row, hashesOf(data)...)
		}
		e.rows = append(e.rows, row)
	}
	return e, nil
}

// readTile returns the first width hashes of a tile. A tile may be wider than asked for,
// because the log may have grown meanwhile; its beginning stays.
func readTile(ctx context.Context, from tileSource, tenant cordon.TenantID, level int, n int64, width int) ([]byte, error) {
	data, err := from.Tile(ctx, tenant, level, n)
	if err != nil {
		return nil, fmt.Errorf("tile %d/%d of %s: %w", level, n, tenant, err)
	}
	if len(data) < width*tlog.HashSize || len(data) > tileWidth*tlog.HashSize || len(data)%tlog.HashSize != 0 {
		return nil, differs(n<<tileHeight<<(tileHeight*level), "tile %d/%d has %d bytes, %d hashes are needed", level, n, len(data), width)
	}
	return data[:width*tlog.HashSize], nil
}

func hashesOf(data []byte) []tlog.Hash {
	out := make([]tlog.Hash, len(data)/tlog.HashSize)
	for i := range out {
		copy(out[i][:], data[i*tlog.HashSize:])
	}
	return out
}

func bytesOf(hashes []tlog.Hash) []byte {
	out := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out
}

func (e *edge) clone() *edge {
	c := &edge{size: e.size}
	for _, row := range e.rows {
		c.rows = append(c.rows, append(make([]tlog.Hash, 0, tileWidth), row...))
	}
	return c
}

// add appends a leaf. full is called for each tile that the leaf completes, from the
// lowest; the hashes are valid only during the call.
func (e *edge) add(leaf tlog.Hash, full func(level int, n int64, hashes []tlog.Hash) error) error {
	e.size++
	for level := 0; ; level++ {
		if level == len(e.rows) {
			e.rows = append(e.rows, make([]tlog.Hash, 0, tileWidth))
		}
		e.rows[level] = append(e.rows[level], leaf)
		if len(e.rows[level]) < tileWidth {
			return nil
		}
		if err := full(level, e.size>>(tileHeight*(level+1))-1, e.rows[level]); err != nil {
			return err
		}
		leaf = subtree(e.rows[level])
		e.rows[level] = e.rows[level][:0]
	}
}

// partial calls f for each tile at the edge that is not empty, from the lowest.
func (e *edge) partial(f func(level int, n int64, hashes []tlog.Hash) error) error {
	for level, row := range e.rows {
		if len(row) == 0 {
			continue
		}
		if err := f(level, e.size>>(tileHeight*(level+1)), row); err != nil {
			return err
		}
	}
	return nil
}

// root is the tree's hash as RFC 6962 section 2.1 defines it: the complete subtrees, which
// shrink towards the right, folded from the right.
func (e *edge) root() tlog.Hash {
	var root tlog.Hash
	empty := true
	for _, row := range e.rows {
		for width := 1; len(row) > 0; width <<= 1 {
			if len(row)&width == 0 {
				continue
			}
			block := subtree(row[len(row)-width:])
			row = row[:len(row)-width]
			if empty {
				root, empty = block, false
			} else {
				root = tlog.NodeHash(block, root)
			}
		}
	}
	if empty {
		return sha256.Sum256(nil)
	}
	return root
}

// subtree is the hash above a power of two of hashes.
func subtree(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	var above [tileWidth / 2]tlog.Hash
	for n := len(hashes) / 2; n > 0; n /= 2 {
		for i := range n {
			above[i] = tlog.NodeHash(hashes[2*i], hashes[2*i+1])
		}
		hashes = above[:n]
	}
	return above[0]
}
