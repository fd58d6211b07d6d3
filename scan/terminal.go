package scan

import (
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// IsTerminal reports whether a person is likely to be looking at the stream.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// WantsColor reports whether colours are welcome on the stream: it is a terminal, and
// NO_COLOR is not set. https://no-color.org
func WantsColor(f *os.File) bool { return os.Getenv("NO_COLOR") == "" && IsTerminal(f) }

// progress is a line on the error stream that is out of the way while results are written.
type progress struct{ bar *progressbar.ProgressBar }

func newProgress(conf Config) progress {
	if !conf.Progress {
		return progress{}
	}
	return progress{progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(conf.Err),
		progressbar.OptionSetDescription("looking at files"),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("files"),
		progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionSetRenderBlankState(false),
		progressbar.OptionClearOnFinish(),
	)}
}

func (p progress) hide() {
	if p.bar != nil {
		p.bar.Clear()
	}
}

func (p progress) step(result) {
	if p.bar != nil {
		p.bar.Add(1)
	}
}

func (p progress) done() {
	if p.bar != nil {
		p.bar.Finish()
	}
}
