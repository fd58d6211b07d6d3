package doctor

// Decoder is a foreign program that looks into recordings and coded pictures, or, as the
// first of them, what locks the programs down.
type Decoder struct {
	Name     string // "sandbox", or of the program
	Works    bool
	Whole    bool // nothing of it is missing
	Needed   bool // the configuration asks for it
	Evidence string
}

func examineDecoders(conf Config, r *lines) {
	if conf.Decoders == nil {
		return
	}
	for _, d := range conf.Decoders() {
		l := Line{Check: "decoder-" + d.Name, State: OK, Says: d.Name + " is installed and runs locked down", Evidence: d.Evidence}
		if d.Name == "sandbox" {
			l.Check, l.Says = "sandbox", "foreign decoders run locked down"
		}
		switch {
		case d.Name == "sandbox" && !d.Works:
			l.State, l.Needed, l.Says = Missing, d.Needed, "foreign decoders are not locked down here, so none is run; recordings and coded pictures are not looked into"
			l.Do = "See docs/sandbox.md for what a machine or container must allow."
		case d.Name == "sandbox" && !d.Whole:
			l.State, l.Says = Warning, "foreign decoders run locked down, though not by every means"
			l.Do = "See docs/sandbox.md for what a machine or container must allow, or leave it: each promise is kept by another means."
		case !d.Works:
			l.State, l.Says = Missing, d.Name+" is not installed or does not run; what needs it is not looked into"
			l.Do = "Install " + packages[d.Name] + "."
		}
		r.add(l)
	}
}

// packages are the names under which Debian has the programs.
var packages = map[string]string{"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "fpcalc": "libchromaprint-tools"}
