package watermark

import "fmt"

// Method is how a payload is put into a picture. Both methods are those of the library
// invisible-watermark: they change the chroma U in blocks of eight by eight pixels, after
// one Haar transform.
type Method string

// Methods.
const (
	// DwtDct moves the largest coefficient of a block to a quarter or to three quarters of
	// a step.
	DwtDct Method = "dwtDct"
	// DwtDctSvd does so with the largest singular value of a block.
	DwtDctSvd Method = "dwtDctSvd"
)

// Payload is a message to look for. The bits are known, so finding them is a test of
// correlation, and reaches further than reading bits one by one.
type Payload struct {
	Name   string // short and stable, for example "stable-diffusion-1"
	Says   string // for a reviewer, the end of "… carries the invisible mark of …"
	Method Method
	Bits   []bool
	// Text says that the bits are those of letters, eight each.
	Text bool
}

// minBits is the length below which a payload is found in too many pictures by accident.
const minBits = 32

func (p Payload) check() error {
	switch {
	case p.Name == "" || p.Says == "":
		return fmt.Errorf("watermark: payload %q needs a name and what it says", p.Name)
	case p.Method == RivaGan && len(p.Bits) != rivaBits:
		return fmt.Errorf("watermark %s: a payload of rivaGan has 32 bits, not %d", p.Name, len(p.Bits))
	case p.Method == RivaGan:
		return nil
	case p.Method != DwtDct && p.Method != DwtDctSvd:
		return fmt.Errorf("watermark %s: the method is dwtDct, dwtDctSvd or rivaGan, not %q", p.Name, p.Method)
	case len(p.Bits) < minBits || len(p.Bits) > maxBits:
		return fmt.Errorf("watermark %s: a payload has %d to %d bits, not %d", p.Name, minBits, maxBits, len(p.Bits))
	}
	return nil
}

const maxBits = 512

// Text is the payload of a text, the most significant bit of each byte first.
func Text(s string) []bool {
	var out []bool
	for _, c := range []byte(s) {
		for i := 7; i >= 0; i-- {
			out = append(out, c>>i&1 == 1)
		}
	}
	return out
}

// Digits is the payload written as zeros and ones.
func Digits(s string) []bool {
	out := make([]bool, len(s))
	for i, c := range s {
		out[i] = c == '1'
	}
	return out
}

// Generators are the payloads that public programs put into what they make unless somebody
// switches that off.
func Generators() []Payload {
	return []Payload{
		{"stable-diffusion-1", "Stable Diffusion 1", DwtDct, Text("StableDiffusionV1"), true},
		{"stable-diffusion-2", "Stable Diffusion 2", DwtDct, Text("SDV2"), true},
		{"stable-diffusion-xl", "Stable Diffusion XL", DwtDct, Digits("101100111110110010010000011110111011000110011110"), false},
		// 48 bits by its authors' intent. Their program writes the number without its
		// leading zeros, so 46 are in the pictures.
		{"flux", "FLUX", DwtDct, Digits("1010101111111010000111100111001111010100101110"), false},
	}
}
