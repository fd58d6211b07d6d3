package recording

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/cordonhq/cordon/media/chunk"
)

// wave reads a WAVE file: its chunks say how it is coded, how long it is and who wrote it.
func (w *walk) wave() error {
	t := Track{ID: 1, Kind: Audio}
	var formats, data int
	var perSecond, blockAlign float64
	var says string
	var fact float64
	finish := func() {
		if !plainSound[t.Codec] && fact > 0 { // bytes do not tell
			t.Counted = ratio(fact, float64(t.Rate))
		}
		if fact > 0 && t.Rate > 0 {
			t.Declared = ratio(fact, float64(t.Rate))
		}
		w.out.Declared = t.Declared
		w.out.Tracks = []Track{t}
	}
	for p, err := range chunk.RIFF(w.r, w.size) {
		if err != nil {
			finish()
			return err
		}
		switch strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(p.Path, "RIFF/"), "RF64/"), "BW64/") {
		case "RIFF":
			if p.Start > 0 {
				w.brk(Break{Kind: NewStream, At: t.Counted, Offset: p.Start, To: "RIFF file behind the first"})
			}
		case "fmt ":
			b, err := p.Read(w.r, 40)
			if err != nil || len(b) < 16 {
				w.damage(fmt.Sprintf("the format at byte %d is too short", p.Start))
				continue
			}
			formats++
			codec, channels, rate := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:]))
			now := fmt.Sprintf("%s %d Hz, channels: %d, bits: %d", waveCodec(codec), rate, channels, binary.LittleEndian.Uint16(b[14:]))
			if formats > 1 && now != says {
				w.brk(Break{Kind: NewParameters, At: t.Counted, Offset: p.Start, From: says, To: now})
			}
			if formats == 1 {
				t.Codec, t.Channels, t.Rate = waveCodec(codec), channels, rate
			}
			says, perSecond, blockAlign = now, float64(binary.LittleEndian.Uint32(b[8:])), float64(binary.LittleEndian.Uint16(b[12:]))
		case "fact":
			if b, err := p.Read(w.r, 4); err == nil && len(b) == 4 {
				if n := binary.LittleEndian.Uint32(b); n != 0xFFFFFFFF {
					fact = float64(n)
				}
			}
		case "data":
			if data++; data > 1 {
				w.brk(Break{Kind: NewStream, At: t.Counted, Offset: p.Start, To: fmt.Sprintf("block of sound %d", data)})
			}
			if formats == 0 {
				w.damage(fmt.Sprintf("sound at byte %d before its format", p.Start))
			}
			seconds := ratio(float64(p.Len), perSecond)
			if t.Codec == "PCM" && blockAlign > 0 && t.Rate > 0 {
				seconds = ratio(float64(p.Len)/blockAlign, float64(t.Rate))
			}
			t.Counted += seconds
			t.Samples += int64(ratio(float64(p.Len), max(1, blockAlign)))
		case "bext":
			w.broadcast(p)
		}
		if strings.HasPrefix(p.Path, "RIFF/LIST/") && (p.Name == "ISFT" || p.Name == "ITCH") {
			if b, err := p.Read(w.r, 1024); err == nil {
				w.tag("LIST/"+p.Name, string(b), p.Start)
			}
		}
	}
	// A stated number of samples is exact for plain sound only; coded sound has padding.
	if t.Codec == "PCM" && data == 1 && formats == 1 {
		t.Stated = int64(fact)
	}
	finish()
	return nil
}

// waveCodec names the codecs that are met most. RFC 2361.
func waveCodec(n uint16) string {
	if name, ok := map[uint16]string{1: "PCM", 2: "MS ADPCM", 3: "float PCM", 6: "A-law", 7: "mu-law", 0x11: "IMA ADPCM", 0x31: "GSM 6.10",
		0x50: "MPEG", 0x55: "MP3", 0xFF: "AAC", 0xFFFE: "extensible"}[n]; ok {
		return name
	}
	return fmt.Sprintf("0x%04X", n)
}

// plainSound are the codecs of which every second has as many bytes.
var plainSound = map[string]bool{"PCM": true, "float PCM": true, "A-law": true, "mu-law": true, "extensible": true}

// broadcast reads the extension that recorders and editors of broadcasters write: who made the
// file, when, and through which steps the sound went. EBU Tech 3285.
func (w *walk) broadcast(p chunk.Piece) {
	b, err := p.Read(w.r, 602+4096)
	if err != nil || len(b) < 348 {
		return
	}
	w.tag("bext/Originator", string(b[256:288]), p.Start)
	if at, err := time.Parse("2006-01-02 15:04:05", dated(string(b[320:330]))+" "+timed(string(b[330:338]))); err == nil {
		w.out.Created = stated(at)
	}
	if len(b) > 602 {
		for i, line := range strings.Split(string(b[602:]), "\r\n") {
			if i >= 16 {
				break
			}
			w.tag("bext/CodingHistory", line, p.Start)
		}
	}
}

// dated and timed accept the separators that the standard allows.
func dated(s string) string { return strings.NewReplacer(":", "-", "/", "-", ".", "-").Replace(s) }
func timed(s string) string { return strings.NewReplacer("-", ":", "/", ":", ".", ":").Replace(s) }

// avi reads the headers of an AVI file, and counts the samples in its index.
func (w *walk) avi() error {
	var perFrame, frames float64
	var kinds []Track
	var scales []float64
	finish := func() {
		w.out.Tracks, w.out.Declared = kinds, perFrame*frames/1e6
	}
	index := 0
	for p, err := range chunk.RIFF(w.r, w.size) {
		if err != nil {
			finish()
			return err
		}
		switch {
		case p.Name == "avih" && p.Len >= 40:
			if b, err := p.Read(w.r, 40); err == nil {
				perFrame, frames = float64(binary.LittleEndian.Uint32(b)), float64(binary.LittleEndian.Uint32(b[16:]))
			}
		case p.Name == "strh" && p.Len >= 48 && len(kinds) < maxTracks:
			b, err := p.Read(w.r, 48)
			if err != nil {
				break
			}
			t := Track{ID: uint64(len(kinds)), Kind: Other, Codec: clip(string(b[4:8])), Stated: int64(binary.LittleEndian.Uint32(b[32:]))}
			switch string(b[:4]) {
			case "vids":
				t.Kind = Video
			case "auds":
				t.Kind = Audio
			}
			scale := ratio(float64(binary.LittleEndian.Uint32(b[20:])), float64(binary.LittleEndian.Uint32(b[24:])))
			t.Declared = float64(t.Stated) * scale
			kinds, scales = append(kinds, t), append(scales, scale)
		case p.Name == "strf" && len(kinds) > 0:
			t := &kinds[len(kinds)-1]
			b, err := p.Read(w.r, 40)
			switch {
			case err != nil:
			case t.Kind == Video && len(b) >= 20:
				t.Width, t.Height, t.Codec = int(binary.LittleEndian.Uint32(b[4:])), int(binary.LittleEndian.Uint32(b[8:])), clip(string(b[16:20]))
			case t.Kind == Audio && len(b) >= 16:
				t.Codec = waveCodec(binary.LittleEndian.Uint16(b))
				t.Channels, t.Rate = int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:]))
			}
		case p.Name == "idx1":
			if index++; index == 1 {
				if err := w.aviIndex(p, kinds); err != nil {
					return err
				}
			}
		case p.Name == "ISFT":
			if b, err := p.Read(w.r, 1024); err == nil {
				w.tag("LIST/ISFT", string(b), p.Start)
			}
		case p.Name == "IDIT":
			if b, err := p.Read(w.r, 64); err == nil {
				if at, err := time.Parse(time.ANSIC, strings.TrimRight(string(b), "\x00\r\n ")); err == nil {
					w.out.Created = stated(at)
				}
			}
		case p.Name == "RIFF" && p.Start > 0 && p.Form == "AVI ":
			w.brk(Break{Kind: NewStream, At: perFrame * frames / 1e6, Offset: p.Start, To: "AVI file behind the first"})
		}
	}
	for i := range kinds {
		if kinds[i].Kind == Video { // a sample of sound in the index is a piece of any length
			kinds[i].Counted = float64(kinds[i].Samples) * scales[i]
		}
	}
	finish()
	return nil
}

// aviIndex counts the pieces of each stream. The index covers the first RIFF chunk alone.
func (w *walk) aviIndex(p chunk.Piece, kinds []Track) error {
	const entry = 16
	var buf [entry * 2048]byte
	for off := p.Off; off+entry <= p.End(); {
		if w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		n := min(int64(len(buf)), (p.End()-off)/entry*entry)
		got, err := w.r.ReadAt(buf[:n], off)
		if int64(got) < n {
			return err
		}
		for e := buf[:n]; len(e) >= entry; e = e[entry:] {
			if no := int(e[0]-'0')*10 + int(e[1]-'0'); e[0] >= '0' && e[0] <= '9' && e[1] >= '0' && e[1] <= '9' && no < len(kinds) {
				kinds[no].Samples++
			}
		}
		if off += n; (off-p.Off)/entry > w.lim.Units {
			w.unread(fmt.Sprintf("of the index the first %d entries are followed", w.lim.Units))
			return nil
		}
	}
	return nil
}
