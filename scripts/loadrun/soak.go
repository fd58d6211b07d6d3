package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// What has to stay flat while items gather, as the last fifth of a soak beside its second fifth:
// in the first, caches fill.
const (
	latencyMayGrow    = 1.5
	memoryMayGrow     = 1.25
	descriptorsMayAdd = 8
)

// leg is a twentieth of a soak.
type leg struct {
	items       int // so many in all, at its end
	took        time.Duration
	uploads     []time.Duration
	lists       []time.Duration
	cpu         time.Duration
	rss         int64
	descriptors int
	log         int64 // of the records' write-ahead log, bytes
	disk        int64 // the whole data folder, bytes
	turnedAway  int   // answers of 503, asked again
}

// soak uploads so many pictures, each unlike all others, every twentieth of them one that is held
// and every second of those released, and prints a line for each twentieth of the way. It says
// whether latencies, memory and descriptors stayed flat, and how much disk an item takes.
func soak(ctx context.Context, items, callers int) (flat bool, err error) {
	s, err := openStage(ctx, int64(items)*200_000, "--api-limit", strconv.Itoa(20*items))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	fmt.Println("  items items/s  p50 ms  p95 ms  p99 ms  page ms  processor ms/item  RSS MiB  descriptors  log MiB" +
		"  bytes on disk/item  come again")
	var legs []leg
	for done, step := 0, max(1, items/20); done < items; {
		n := min(step, items-done)
		l, err := s.walk(ctx, done, n, callers)
		if err != nil {
			return false, fmt.Errorf("after %d of %d items: %w", done, items, err)
		}
		done += n
		l.items = done
		legs = append(legs, l)
		fmt.Printf("%7d%8.0f%8.1f%8.1f%8.1f%9.1f%19.2f%9d%13d%9.1f%20d%12d\n", l.items, float64(n)/l.took.Seconds(),
			ms(at(l.uploads, 0.5)), ms(at(l.uploads, 0.95)), ms(at(l.uploads, 0.99)), ms(at(l.lists, 0.5)), ms(l.cpu)/float64(n),
			l.rss>>20, l.descriptors, float64(l.log)/(1<<20), l.disk/int64(done), l.turnedAway)
	}
	flat, before, began := judge(legs), s.disk(), time.Now()
	held := items/20 - items/40
	if err := s.idle(ctx, held); err != nil {
		return false, err
	}
	fmt.Printf("%d items: %d bytes on disk each when the last came in, %d when the bytes of all that was delivered are gone,"+
		" %s later;\n"+
		"of those %d are in the records and the rest are tiles of the ledger and the %d files that are still held\n",
		items, before/int64(items), s.disk()/int64(items), time.Since(began).Round(time.Second),
		s.database()/int64(items), held)
	return flat, nil
}

// judge prints how the end of a soak compares with its beginning, and says whether all is flat.
func judge(legs []leg) (flat bool) {
	if len(legs) < 10 {
		fmt.Println("too few items to say whether anything grows")
		return true
	}
	fifth := len(legs) / 5
	early, late := merge(legs[fifth:2*fifth]), merge(legs[len(legs)-fifth:])
	flat = true
	say := func(what string, ratio, most float64) {
		word := "flat"
		if ratio > most {
			word, flat = "GROWS", false
		}
		fmt.Printf("%s: %.2f × in the last fifth (up to %.2f ×): %s\n", what, ratio, most, word)
	}
	for _, q := range []float64{0.5, 0.95} {
		say(fmt.Sprintf("uploads, p%.0f", 100*q), ms(at(late.uploads, q))/ms(at(early.uploads, q)), latencyMayGrow)
	}
	say("a page of the items, p50", ms(at(late.lists, 0.5))/ms(at(early.lists, 0.5)), latencyMayGrow)
	say("processor time of an item", ms(late.cpu)/ms(early.cpu), latencyMayGrow)
	say("memory (RSS)", float64(late.rss)/float64(early.rss), memoryMayGrow)
	open := float64(early.descriptors)
	say("descriptors", float64(late.descriptors)/open, (open+descriptorsMayAdd)/open)
	return flat
}

// merge takes legs of equal length for one.
func merge(legs []leg) (l leg) {
	for _, m := range legs {
		l.uploads, l.lists = append(l.uploads, m.uploads...), append(l.lists, m.lists...)
		l.cpu += m.cpu
		l.rss, l.descriptors = max(l.rss, m.rss), max(l.descriptors, m.descriptors)
	}
	return l
}

// at is the quantile of the times.
func at(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	times = slices.Clone(times)
	slices.Sort(times)
	return times[int(q*float64(len(times)-1))]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// walk sends the pictures from..from+n and asks for a page of items after every fiftieth.
func (s *stage) walk(ctx context.Context, from, n, callers int) (l leg, err error) {
	l.uploads = make([]time.Duration, n)
	listed := make([]time.Duration, n)
	away := make([]int, n)
	began, cpu := time.Now(), s.gateway.processor()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(callers)
	for i := range n {
		group.Go(func() (err error) {
			if l.uploads[i], away[i], err = s.send(ctx, from+i); err != nil || i%50 != 0 {
				return err
			}
			asked := time.Now()
			var page struct{ Items []struct{ ID string } }
			err = s.api(ctx, "GET", "/v1/items?limit=50", nil, &page)
			listed[i] = time.Since(asked)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return l, err
	}
	l.took, l.cpu = time.Since(began), s.gateway.processor()-cpu
	for i := range n {
		l.turnedAway += away[i]
		if listed[i] > 0 {
			l.lists = append(l.lists, listed[i])
		}
	}
	if l.rss, err = s.gateway.memory("VmRSS"); err != nil {
		return l, err
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.gateway.cmd.Process.Pid))
	if err != nil {
		return l, err
	}
	l.descriptors, l.disk = len(open), s.disk()
	if info, err := os.Stat(filepath.Join(s.dir, "data", "cordon.db-wal")); err == nil {
		l.log = info.Size()
	}
	return l, nil
}

// disk is the size of the data folder.
func (s *stage) disk() (size int64) {
	_ = filepath.WalkDir(filepath.Join(s.dir, "data"), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil { // it may be gone by now
				size += info.Size()
			}
		}
		return nil
	})
	return size
}

// send uploads one picture as JSON, comes again where it is told to, and releases every second of
// those that are held. The time is that of the answer that counted.
func (s *stage) send(ctx context.Context, number int) (took time.Duration, turnedAway int, err error) {
	held := number%20 == 19
	body, err := json.Marshal(map[string]string{
		"Title": fmt.Sprintf("soak %d", number), "PathOnClient": fmt.Sprintf("soak-%d.jpg", number),
		"VersionData": base64.StdEncoding.EncodeToString(small(number, held)),
	})
	if err != nil {
		return 0, 0, err
	}
	address := s.gateway.address["gateway"] + "/services/data/v64.0/sobjects/ContentVersion"
	for {
		req, err := http.NewRequestWithContext(ctx, "POST", address, bytes.NewReader(body))
		if err != nil {
			return 0, turnedAway, err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+s.token)
		asked := time.Now()
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, turnedAway, err
		}
		var answer bytes.Buffer
		_, err = answer.ReadFrom(http.MaxBytesReader(nil, resp.Body, 1<<20))
		took, receipt := time.Since(asked), resp.Header.Get("Cordon-Receipt")
		resp.Body.Close()
		switch {
		case err != nil:
			return 0, turnedAway, err
		case resp.StatusCode == http.StatusServiceUnavailable:
			turnedAway++
			select {
			case <-ctx.Done():
				return 0, turnedAway, ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
			continue
		case held && resp.StatusCode == http.StatusBadRequest && receipt != "":
			if number%40 == 39 {
				reason := map[string]string{"reason": "genuine"}
				err = s.api(ctx, "POST", "/v1/items/"+receipt+"/release", reason, new(json.RawMessage))
			}
			return took, turnedAway, err
		case !held && resp.StatusCode == http.StatusCreated:
			return took, turnedAway, nil
		}
		return 0, turnedAway, fmt.Errorf("picture %d (to be held: %v) was answered %s: %.300s",
			number, held, resp.Status, answer.Bytes())
	}
}

// small is a picture of some kilobytes that is like none of another number. One to be held says in
// its XMP that a generator made it.
func small(number int, generated bool) []byte {
	rnd := rand.New(rand.NewPCG(uint64(number), 20000))
	const side, cell = 96, 12
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	var cells [side / cell][side / cell]color.RGBA
	for y := range cells {
		for x := range cells[y] {
			c := rnd.Uint32()
			cells[y][x] = color.RGBA{byte(c), byte(c >> 8), byte(c >> 16), 255}
		}
	}
	for y := range side {
		for x := range side {
			m.SetRGBA(x, y, cells[y/cell][x/cell])
		}
	}
	var out bytes.Buffer
	_ = jpeg.Encode(&out, m, nil) // a buffer takes everything
	if !generated {
		return out.Bytes()
	}
	const packet = "http://ns.adobe.com/xap/1.0/\x00" + `<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
  Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>
</rdf:RDF></x:xmpmeta>`
	segment := append(binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(2+len(packet))), packet...)
	return slices.Concat(out.Bytes()[:2], segment, out.Bytes()[2:])
}
