package recording_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/cordonhq/cordon/media/mediatest"
	"github.com/cordonhq/cordon/media/recording"
)

func be32(values ...uint32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// track is a track with the sample tables given.
func track(kind string, tables ...[]byte) []byte {
	return mediatest.Box("trak", mediatest.Box("mdia", mediatest.Box("mdhd", be32(0, 0, 0, 1000, 10_000)),
		mediatest.Box("hdlr", be32(0, 0), []byte(kind), be32(0, 0, 0)), mediatest.Box("minf", mediatest.Box("stbl", tables...))))
}

func movie(boxes ...[]byte) []byte {
	return bytes.Join([][]byte{mediatest.Box("ftyp", []byte("isom")), mediatest.Box("moov", append([][]byte{mediatest.Box("mvhd", be32(0, 0, 0, 1000, 10_000))}, boxes...)...)}, nil)
}

// table is a table of a track that says it has n entries.
func table(name string, n uint32, body []byte) []byte {
	return mediatest.Box(name, be32(0, n), body)
}

func page(serial, number uint32, flags byte, granule uint64, body ...byte) []byte {
	b := append([]byte("OggS\x00"), flags)
	b = binary.LittleEndian.AppendUint64(b, granule)
	b = binary.LittleEndian.AppendUint32(b, serial)
	b = binary.LittleEndian.AppendUint32(b, number)
	return append(append(b, 0, 0, 0, 0, 1, byte(len(body))), body...)
}

// bombs are files that would like to be expensive.
func bombs() map[string]struct {
	as   recording.Container
	file []byte
} {
	const huge = math.MaxUint32
	ones := bytes.Repeat(be32(1), 8<<20) // 32 MB
	nested := mediatest.Box("stts")
	for range 5000 {
		nested = mediatest.Box("moov", nested)
	}
	tracks := make([][]byte, 5000)
	for i := range tracks {
		tracks[i] = track("vide", table("stts", 1, be32(huge, 1)), mediatest.Box("stsz", be32(0, 1, huge)), table("stsc", 1, be32(1, 1, 1)), table("stco", 1, be32(0)))
	}
	runs := bytes.Repeat(be32(1, 2, 1, 1, 3, 1), 1<<20)
	for i := 0; i < len(runs); i += 12 {
		binary.BigEndian.PutUint32(runs[i:], uint32(i/12+1))
		binary.BigEndian.PutUint32(runs[i+8:], uint32(i/12%2+1))
	}
	entry := append(be32(0, 1, 0, 0, 0, 0), be32(0x01000100)...)
	description := func(n byte) []byte {
		return mediatest.Box("avc1", append(entry, make([]byte, 50)...), mediatest.Box("avcC", []byte{1, 66, 0, 30, 0xFF, 0xE1, 0, 1, n, 1, 0, 1, n}))
	}
	changes := track("vide", table("stsd", 2, append(description(1), description(2)...)), table("stts", 1, be32(huge, 1)),
		mediatest.Box("stsz", be32(0, 1, huge)), table("stsc", uint32(len(runs)/12), runs), table("stco", 8<<20, ones), table("stss", 8<<20, ones))
	fragments := movie(track("vide"))
	for range 8000 {
		fragments = append(fragments, mediatest.Box("moof", mediatest.Box("mfhd", be32(0, 7)), mediatest.Box("traf", mediatest.Box("tfhd", be32(0, 0)), mediatest.Box("tfdt", be32(0, huge)), mediatest.Box("trun", be32(0x100, huge))))...)
	}
	var small, chains, wide bytes.Buffer
	opus := []byte("OpusHead\x01\x01\x00\x00\x80\xBB\x00\x00\x00\x00\x00")
	small.Write(page(1, 0, 2, 0, opus...))
	for i := range uint32(1_500_000) {
		small.Write(page(1, i*3, 0, uint64(i)<<30))
	}
	for i := range uint32(300_000) {
		chains.Write(page(i, 0, 2, 0, opus...))
		chains.Write(page(i, 1, 4, 960, 0xFC))
	}
	for i := range uint32(500_000) {
		wide.Write(page(i, 0, 2, 0))
	}
	blocks := bytes.Repeat([]byte("\xA3\x84\x81\x00\x00\x80"), 6_000_000)
	webm := func(content []byte) []byte {
		head := "\x1A\x45\xDF\xA3\x80\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x16\x54\xAE\x6B\x88\xAE\x86\xD7\x81\x01\x83\x81\x01"
		return append([]byte(head), content...)
	}
	frame := append([]byte{0xFF, 0xFB, 0x90, 0xC4}, make([]byte, 413)...)
	mp3 := bytes.Repeat(frame, 100)
	return map[string]struct {
		as   recording.Container
		file []byte
	}{
		"nested boxes":                 {recording.BMFF, nested},
		"5 000 tracks of 4 G samples":  {recording.BMFF, movie(tracks...)},
		"durations of 4 G samples":     {recording.BMFF, movie(track("soun", table("stts", huge, ones), mediatest.Box("stsz", be32(0, 0, huge), ones), table("stsc", 1, be32(1, huge, 1)), table("stco", 1, be32(8))))},
		"a description for each chunk": {recording.BMFF, movie(changes)},
		"many fragments":               {recording.BMFF, fragments},
		"an edit list of 4 G entries":  {recording.BMFF, movie(mediatest.Box("trak", mediatest.Box("edts", table("elst", huge, ones))))},
		"a million fragments":          {recording.BMFF, bytes.Repeat(mediatest.Box("moof"), 1<<20)},
		"200 000 boxes":                {recording.BMFF, bytes.Repeat(mediatest.Box("free"), 200_000)},
		"blocks":                       {recording.Matroska, webm(append([]byte("\x1F\x43\xB6\x75\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), blocks...))},
		"clusters of unknown length":   {recording.Matroska, webm(bytes.Repeat([]byte("\x1F\x43\xB6\x75\xFF\xE7\x84\xFF\xFF\xFF\xFF"), 1_000_000))},
		"segments":                     {recording.Matroska, bytes.Repeat(webm([]byte("\x1F\x43\xB6\x75\xFF\xA3\x84\x81\x7F\xFF\x80")), 200_000)},
		"tags in tags":                 {recording.Matroska, webm(bytes.Repeat([]byte("\x12\x54\xC3\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), 100_000))},
		"1.5 million pages":            {recording.Ogg, small.Bytes()},
		"300 000 links":                {recording.Ogg, chains.Bytes()},
		"500 000 streams":              {recording.Ogg, wide.Bytes()},
		"marks of pages":               {recording.Ogg, bytes.Repeat([]byte("OggS"), 8<<20)},
		"marks of frames":              {recording.MP3, append(bytes.Clone(mp3), bytes.Repeat([]byte{0xFF, 0xFB, 0x90, 0xC4}, 8<<20)...)},
		"frames of 24 bytes":           {recording.MP3, bytes.Repeat(append([]byte{0xFF, 0xF3, 0x14, 0xC4}, make([]byte, 22)...), 1_000_000)},
		"tags of MP3":                  {recording.MP3, append(bytes.Clone(mp3), bytes.Repeat([]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), 3_000_000)...)},
		"headers of FLAC":              {recording.FLAC, append([]byte("fLaC\x80\x00\x00\x22"+strings.Repeat("\x10", 34)), bytes.Repeat([]byte{0xFF, 0xF8, 0xC9, 0x18, 0x00, 0xC2}, 5<<20)...)},
		"streams of FLAC":              {recording.FLAC, bytes.Repeat([]byte("fLaC\x80\x00\x00\x00"), 4<<20)},
		"chunks of WAVE":               {recording.WAVE, mediatest.RIFF("WAVE", bytes.Repeat(mediatest.RIFFChunk("fmt ", make([]byte, 16)), 100_000))},
		"an index of AVI":              {recording.AVI, mediatest.RIFF("AVI ", mediatest.RIFFChunk("idx1", bytes.Repeat([]byte("00dc____________"), 2<<20)))},
	}
}

// Whatever the file, reading it is cheap and says when it stopped. The size of the file itself
// is not counted.
func TestBombs(t *testing.T) {
	for name, b := range bombs() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r, err := recording.Read(context.Background(), bytes.NewReader(b.file), int64(len(b.file)), b.as, recording.Limits{})
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		grown := after.TotalAlloc - before.TotalAlloc
		t.Logf("%-30s %8d bytes, %6d KB allocated; %d breaks and %d more; unread %q, damage %q", name, len(b.file), grown>>10, len(r.Breaks), r.Beyond, r.Unread, r.Damage)
		if grown > 64<<20 {
			t.Errorf("%s: %d MB allocated", name, grown>>20)
		}
		if len(r.Breaks) > 64 || len(r.Tracks) > 64 || len(r.Tags) > 64 {
			t.Errorf("%s: %d breaks, %d tracks, %d tags are listed", name, len(r.Breaks), len(r.Tracks), len(r.Tags))
		}
	}
}

type faulty struct {
	*bytes.Reader
	from int64
}

var errDisk = errors.New("disk on fire")

func (f faulty) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, errDisk
	}
	return f.Reader.ReadAt(p, off)
}

// What cannot be read is an error, not an answer; so is a caller who gives up.
func TestTrouble(t *testing.T) {
	all := bombs()
	for name, b := range all {
		if len(b.file) > 4<<20 {
			continue
		}
		if _, err := recording.Read(context.Background(), faulty{bytes.NewReader(b.file), 0}, int64(len(b.file)), b.as, recording.Limits{}); !errors.Is(err, errDisk) {
			t.Errorf("%s from a broken disk: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for name, b := range all {
		if _, err := recording.Read(ctx, bytes.NewReader(b.file), int64(len(b.file)), b.as, recording.Limits{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s for nobody: %v", name, err)
		}
	}
	if _, err := recording.Read(context.Background(), bytes.NewReader(nil), 0, "tape", recording.Limits{}); err == nil {
		t.Error("a container that there is not was read")
	}
}

// check holds a result to what callers rely on.
func check(t *testing.T, r *recording.Recording, err error, size int64) {
	t.Helper()
	if err != nil {
		t.Fatalf("of bytes in memory: %v", err)
	}
	if len(r.Breaks) > 64 || len(r.Tracks) > 64 || len(r.Tags) > 64 {
		t.Errorf("%d breaks, %d tracks, %d tags", len(r.Breaks), len(r.Tracks), len(r.Tags))
	}
	numbers := []float64{r.Declared}
	for _, b := range r.Breaks {
		numbers = append(numbers, b.At, b.Seconds)
		if b.Offset < -1 || b.Offset > size || len(b.From) > 300 || len(b.To) > 300 {
			t.Errorf("break %+v of %d bytes", b, size)
		}
	}
	for _, tr := range r.Tracks {
		numbers = append(numbers, tr.Declared, tr.Counted, tr.Start, float64(tr.Width), float64(tr.Height), float64(tr.Samples), float64(tr.Absent))
		if len(tr.Edits) > 256 {
			t.Errorf("%d edits", len(tr.Edits))
		}
	}
	for _, n := range numbers {
		if math.IsNaN(n) || math.IsInf(n, 0) || n < 0 {
			t.Errorf("%v in %+v", n, r)
		}
	}
}

func fuzz(f *testing.F, as recording.Container, lines ...string) {
	dir := f.TempDir()
	for i, line := range lines {
		f.Add(mediatest.Read(f, mediatest.FFmpeg(f, dir, strings.Replace(line, "OUT", fmt.Sprint(i), 1))))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := recording.Read(context.Background(), bytes.NewReader(b), int64(len(b)), as, recording.Limits{Units: 1 << 16})
		check(t, r, err, int64(len(b)))
		// The same bytes, cut: never an error either.
		half := int64(len(b) / 2)
		r, err = recording.Read(context.Background(), io.NewSectionReader(bytes.NewReader(b), 0, half), half, as, recording.Limits{Units: 100, Bytes: 1000})
		check(t, r, err, half)
	})
}

const (
	shortVideo = "-f lavfi -i testsrc2=size=32x32:rate=10:duration=1 "
	shortSound = "-f lavfi -i sine=duration=0.4:sample_rate=8000 "
)

func FuzzBMFF(f *testing.F) {
	fuzz(f, recording.BMFF, shortVideo+shortSound+"-c:v libx264 -g 4 -c:a aac OUT.mp4", shortVideo+"-c:v libx264 -g 4 -movflags frag_keyframe+empty_moov OUT.mp4",
		shortVideo+"-c:v libx265 -x265-params log-level=none -preset ultrafast OUT.mov", shortSound+"-c:a aac OUT.m4a")
}

func FuzzMatroska(f *testing.F) {
	fuzz(f, recording.Matroska, shortVideo+shortSound+"-c:v libvpx -c:a libopus OUT.webm", shortVideo+"-c:v libx264 -g 4 -live 1 OUT.mkv")
}

func FuzzWAVE(f *testing.F) {
	fuzz(f, recording.WAVE, shortSound+"-c:a pcm_s16le -write_bext 1 -metadata originator=me OUT.wav", shortSound+"-c:a adpcm_ms OUT.wav")
}

func FuzzAVI(f *testing.F) {
	fuzz(f, recording.AVI, shortVideo+shortSound+"-c:v mpeg4 -c:a libmp3lame OUT.avi")
}

func FuzzMP3(f *testing.F) {
	fuzz(f, recording.MP3, shortSound+"-c:a libmp3lame OUT.mp3", shortSound+"-c:a libmp3lame -q:a 4 -write_xing 0 OUT.mp3", shortSound+"-ar 44100 -c:a mp2 OUT.mp2")
}

func FuzzFLAC(f *testing.F) { fuzz(f, recording.FLAC, shortSound+"-c:a flac OUT.flac") }

func FuzzOgg(f *testing.F) {
	fuzz(f, recording.Ogg, shortSound+"-c:a libvorbis OUT.ogg", shortSound+"-c:a libopus OUT.opus", shortSound+"-c:a flac OUT.ogg", shortVideo+"-c:v libtheora OUT.ogv")
}
