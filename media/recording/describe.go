package recording

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/cordonhq/cordon/media/chunk"
)

// maxDescriptions bounds how many sample descriptions of one track are compared.
const maxDescriptions = 64

// describe reads the sample descriptions: how the samples of a track are coded.
func (m *movie) describe(t *bmffTrack, stsd chunk.Piece) {
	if stsd.Len < 8 {
		return
	}
	body := io.NewSectionReader(m.r, stsd.Off+8, stsd.Len-8)
	for p, err := range chunk.BMFF(body, stsd.Len-8) {
		if err != nil {
			m.damage(fmt.Sprintf("sample descriptions at byte %d: %v", stsd.Off, err))
			return
		}
		if len(p.Path) != 4 || len(t.descriptions) >= maxDescriptions {
			continue
		}
		b, err := p.Read(body, 4096)
		if err != nil {
			return
		}
		d := description{codec: clip(p.Name), says: clip(p.Name), config: p.Name}
		switch t.Kind {
		case Video:
			d.video(t, b)
		case Audio:
			d.audio(t, b)
		default:
			d.config += string(b)
		}
		if d.compress != "" {
			m.tag("stsd/"+d.codec, d.compress, stsd.Off+8+p.Start)
		}
		if t.Codec == "" {
			t.Codec = d.codec
		}
		t.descriptions = append(t.descriptions, d)
	}
}

// video reads a visual sample entry: sizes, the name the encoder wrote, and its configuration.
func (d *description) video(t *bmffTrack, b []byte) {
	const fixed = 78
	if len(b) < fixed {
		return
	}
	width, height := int(binary.BigEndian.Uint16(b[24:])), int(binary.BigEndian.Uint16(b[26:]))
	if t.Width == 0 {
		t.Width, t.Height = width, height
	}
	d.says = fmt.Sprintf("%s %d×%d", d.codec, width, height)
	d.config += fmt.Sprint(width, height)
	if n := int(b[42]); n < 32 {
		d.compress = string(b[43 : 43+n])
	}
	d.boxes(b[fixed:])
}

// audio reads a sound sample entry. https://developer.apple.com/documentation/quicktime-file-format/sound_sample_description_version_1
func (d *description) audio(t *bmffTrack, b []byte) {
	const fixed = 28
	if len(b) < fixed {
		return
	}
	channels, rate, at := int(binary.BigEndian.Uint16(b[16:])), int(binary.BigEndian.Uint16(b[24:])), fixed
	switch binary.BigEndian.Uint16(b[8:]) {
	case 1:
		at += 16
	case 2:
		if at += 36; len(b) >= 44 {
			if f := math.Float64frombits(binary.BigEndian.Uint64(b[32:])); f > 0 && f < 1e7 {
				rate = int(f)
			}
			channels = int(min(binary.BigEndian.Uint32(b[40:]), 1024))
		}
	}
	if t.Channels == 0 {
		t.Channels, t.Rate = channels, rate
	}
	d.says = fmt.Sprintf("%s %d Hz, channels: %d", d.codec, rate, channels)
	d.config += fmt.Sprint(channels, rate)
	if at < len(b) {
		d.boxes(b[at:])
	}
}

// boxes reads the configuration of the codec: what has to be equal for two stretches to be
// coded in one way. Colours, bit rates and the like may differ.
func (d *description) boxes(b []byte) {
	for len(b) >= 8 {
		n := int64(binary.BigEndian.Uint32(b))
		if n < 8 || n > int64(len(b)) {
			return
		}
		name, body := string(b[4:8]), b[8:n]
		b = b[n:]
		switch name {
		case "avcC":
			if len(body) > 6 {
				d.nalLen, d.sets = int(body[4]&3)+1, map[string]bool{}
				d.avcSets(body[5:])
			}
			d.config += string(body)
		case "hvcC":
			if len(body) > 22 {
				d.nalLen, d.hevc, d.sets = int(body[21]&3)+1, true, map[string]bool{}
				d.hevcSets(body[22:])
			}
			d.config += string(body)
		case "esds":
			d.config += string(decoderSpecific(body))
		case "av1C", "vpcC", "dOps", "dfLa", "alac", "dac3", "dec3":
			d.config += string(body)
		}
	}
}

// avcSets keeps the parameter sets of an avcC box: twice a count and sets with their lengths.
func (d *description) avcSets(b []byte) {
	for _, mask := range []byte{0x1F, 0xFF} {
		if len(b) < 1 {
			return
		}
		count := int(b[0] & mask)
		b = b[1:]
		for ; count > 0 && len(b) >= 2; count-- {
			n := int(binary.BigEndian.Uint16(b))
			if n > len(b)-2 {
				return
			}
			d.sets[string(b[2:2+n])] = true
			b = b[2+n:]
		}
	}
}

// hevcSets keeps the parameter sets of an hvcC box.
func (d *description) hevcSets(b []byte) {
	if len(b) < 1 {
		return
	}
	arrays := int(b[0])
	b = b[1:]
	for ; arrays > 0 && len(b) >= 3; arrays-- {
		count := int(binary.BigEndian.Uint16(b[1:]))
		b = b[3:]
		for ; count > 0 && len(b) >= 2; count-- {
			n := int(binary.BigEndian.Uint16(b))
			if n > len(b)-2 {
				return
			}
			d.sets[string(b[2:2+n])] = true
			b = b[2+n:]
		}
	}
}

// decoderSpecific finds the decoder's own configuration in an esds box. What is around it,
// such as the mean bit rate, differs between files of one encoder.
func decoderSpecific(b []byte) []byte {
	const es, config, specific = 3, 4, 5
	if len(b) < 4 {
		return b
	}
	b = b[4:]
	for len(b) > 2 {
		tag, n, i := b[0], 0, 1
		for ; i < len(b) && i < 5; i++ {
			n = n<<7 | int(b[i]&0x7F)
			if b[i]&0x80 == 0 {
				i++
				break
			}
		}
		b = b[i:]
		skip := n
		switch tag {
		case es:
			skip = 3
		case config:
			skip = 13
		case specific:
			return b[:min(n, len(b))]
		}
		if skip > len(b) {
			return nil
		}
		b = b[skip:]
	}
	return nil
}
