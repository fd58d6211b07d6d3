package recording

import (
	"bytes"
	"strconv"
	"strings"
)

// keyFrames looks at the beginnings of key frames of H.264 and H.265: parameter sets that
// are others than those of the file, and the words that encoders write into what they make.
// An encoder writes both when it begins; where they come again, something else began.
type keyFrames struct {
	*walk
	track uint64
	n     int
	sets  map[string]bool // seen in samples so far, by kind and content
	// words of the encoder, as far as seen
	first, says string
	changes     []Break
	repeats     []Break
}

// keyLen is how much of a key frame is read: what encoders write comes first.
const keyLen = 4 << 10

// maxWords is how many different words of encoders one track may have. Devices that write
// a text into every frame (clocks, positions) have more, and mean something else.
const maxWords = 8

func (k *keyFrames) sample(d *description, off, size int64, at float64) error {
	b, err := k.bytes(off, min(size, keyLen))
	if err != nil {
		return err
	}
	k.n++
	var other string
	var words string
	for len(b) > d.nalLen {
		n := 0
		for _, c := range b[:d.nalLen] {
			n = n<<8 | int(c)
		}
		b = b[d.nalLen:]
		unit := b[:min(max(n, 0), len(b))]
		if len(unit) == 0 {
			break
		}
		switch kind := unitKind(unit[0], d.hevc); kind {
		case unitSet:
			if n <= len(b) && !d.sets[string(unit)] {
				other = string(unit)
			}
		case unitMessage:
			if w := encoderWords(unit, d.hevc); w != "" {
				words = w
			}
		case unitPicture:
			b = unit // nothing of use comes behind
		}
		if len(unit) == len(b) {
			break
		}
		b = b[len(unit):]
	}
	if other != "" && !k.sets[other] {
		if k.sets == nil {
			k.sets = map[string]bool{}
		}
		if len(k.sets) < 64 {
			k.sets[other] = true
		}
		// Not at the first key frame: some writers put a second set at the beginning.
		if k.n > 1 {
			k.changes = append(k.changes, Break{Kind: NewParameters, Track: k.track, At: at, Offset: off, To: "parameter sets of its own"})
		}
	}
	switch {
	case words == "":
	case k.n == 1:
		k.first, k.says = words, words
	case words != k.says:
		from := k.says
		if from == "" {
			from = "none named"
		}
		k.changes = append(k.changes, Break{Kind: NewEncoder, Track: k.track, At: at, Offset: off, From: from, To: words})
		k.says = words
	default:
		k.repeats = append(k.repeats, Break{Kind: NewStream, Track: k.track, At: at, Offset: off, From: words, To: words})
	}
	if len(k.changes) > 4*maxBreaks {
		k.changes = k.changes[:4*maxBreaks]
	}
	return nil
}

// end keeps what the key frames showed.
func (k *keyFrames) end() {
	if k.n == 0 {
		return
	}
	if k.first != "" {
		k.tag("key frame", k.first, -1)
	}
	words := map[string]bool{}
	for _, b := range k.changes {
		if b.Kind == NewEncoder {
			words[b.To] = true
		}
	}
	for _, b := range k.changes {
		if b.Kind == NewParameters || len(words) <= maxWords {
			k.brk(b)
		}
	}
	// Encoders that are set to repeat themselves do so at every key frame.
	if 2*len(k.repeats) < k.n {
		for _, b := range k.repeats {
			k.brk(b)
		}
	}
}

const (
	unitOther = iota
	unitSet
	unitMessage
	unitPicture
)

// unitKind tells what a NAL unit holds. ITU-T H.264, table 7-1; H.265, table 7-1.
func unitKind(head byte, hevc bool) int {
	if hevc {
		switch kind := head >> 1 & 63; {
		case kind < 32:
			return unitPicture
		case kind <= 34:
			return unitSet
		case kind == 39:
			return unitMessage
		}
		return unitOther
	}
	switch head & 31 {
	case 1, 2, 3, 4, 5:
		return unitPicture
	case 6:
		return unitMessage
	case 7, 8:
		return unitSet
	}
	return unitOther
}

// encoders are words that encoders of H.264 and H.265 begin their message with.
var encoders = []string{"x264", "x265", "kvazaar", "openh264", "Lavc", "Ateme", "ATEME", "Zencoder", "MainConcept", "Elemental", "SVT-HEVC", "NVENC", "uvg266"}

// encoderWords returns what an encoder says of itself in an SEI message: a UUID and a text.
func encoderWords(unit []byte, hevc bool) string {
	head := 1
	if hevc {
		head = 2
	}
	if len(unit) < head {
		return ""
	}
	// Two zeros are followed by a three where the stream could be taken for a start.
	b := bytes.ReplaceAll(unit[head:], []byte{0, 0, 3}, []byte{0, 0})
	for len(b) > 2 {
		kind, size := 0, 0
		for len(b) > 0 && b[0] == 0xFF {
			kind, b = kind+255, b[1:]
		}
		if len(b) == 0 {
			return ""
		}
		kind, b = kind+int(b[0]), b[1:]
		for len(b) > 0 && b[0] == 0xFF {
			size, b = size+255, b[1:]
		}
		if len(b) == 0 {
			return ""
		}
		size, b = size+int(b[0]), b[1:]
		body := b[:min(size, len(b))]
		if kind == 5 && len(body) > 16 { // user data, unregistered
			text := string(bytes.TrimRight(body[16:], "\x00\x80"))
			for _, name := range encoders {
				if strings.HasPrefix(text, name) {
					return encoderName(text)
				}
			}
		}
		b = b[len(body):]
	}
	return ""
}

// encoderName shortens what an encoder says to its name, its version and a sum of its settings.
func encoderName(text string) string {
	name, options, has := strings.Cut(text, "options:")
	if i := strings.Index(name, " - H.26"); i > 0 {
		name = name[:i]
	}
	name = strings.TrimRight(name, " -")
	if !has {
		return clip(name)
	}
	sum := uint32(2166136261) // FNV-1a: only to tell settings apart
	for i := range len(options) {
		sum = (sum ^ uint32(options[i])) * 16777619
	}
	return clip(name) + ", settings " + strconv.FormatUint(uint64(sum), 16)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
