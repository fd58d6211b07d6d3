package blobtest

import (
	"io"
	"runtime"
)

// heap follows the highest live heap seen since it was made.
type heap struct{ start, peak uint64 }

func watchHeap() *heap {
	h := &heap{}
	h.look()
	h.start = h.peak
	return h
}

// look collects garbage first, so that what is counted is what is held.
func (h *heap) look() {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	h.peak = max(h.peak, m.HeapAlloc)
}

func (h *heap) grown() uint64 { return h.peak - h.start }

// watched looks at the heap every 8 MiB of what is read through it.
type watched struct {
	r    io.Reader
	heap *heap
	n    int64
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if before := w.n; (before+int64(n))>>23 != before>>23 {
		w.heap.look()
	}
	w.n += int64(n)
	return n, err
}
