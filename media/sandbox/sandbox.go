// Package sandbox runs foreign programs, such as ffmpeg, over bytes that strangers sent.
//
// A program in the Box has no network, sees no file but the system's own programs and
// libraries (read-only) and the one input it is given, starts no other program, keeps to
// limits of memory, processor time, wall time, threads, descriptors and output, and is gone
// with everything it started when Run returns. Its environment is empty, its working
// directory is /, and no descriptor of the gateway is open in it but the input, as 3.
//
// The input lies in sealed memory (memfd) and never on a disk: the program opens it as
// [InputPath]. What it has to say comes over standard output.
//
// How that is reached depends on the kernel: new namespaces with a file tree of their own,
// Landlock, a system call filter, resource limits. Open finds out once by trying;
// [Box.Report] says what is in force and why something is not. Unless the operator says
// otherwise nothing runs where one of the promises above is kept by no mechanism at all.
//
// The program is started by way of this process's own binary, which sets everything up in
// itself and then becomes the program. Importing the package is enough for that.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/cordonhq/cordon"
)

// Limits of one run. A field that is zero has the default; none can be switched off, and
// those of the Box are never exceeded.
type Limits struct {
	Memory  int64         // bytes of address space, libraries included; default: the Box's
	CPU     time.Duration // processor time, whole seconds; default: the Box's
	Time    time.Duration // by the clock; default: the Box's
	Input   int64         // bytes of input held in memory; default: 256 MiB
	Output  int64         // bytes of standard output; default: 64 MiB
	Threads int           // threads and processes together; default: 64
	Files   int           // open descriptors; default: 64
}

const (
	defaultMemory  = 2 << 30
	defaultCPU     = 60 * time.Second
	defaultTime    = 120 * time.Second
	defaultInput   = 256 << 20
	defaultOutput  = 64 << 20
	defaultThreads = 64
	defaultFiles   = 64
	maxSaid        = 2 << 10 // what is kept of standard error
)

// InputPath is where the program finds its input. It can be read and sought in.
const InputPath = "/proc/self/fd/3"

// Command is one run of a program.
type Command struct {
	// Program is a name that the operator's PATH knows, such as "ffmpeg".
	Program string
	Args    []string
	// Input is what the program may read, if anything.
	Input *Input
	// Stdout takes the output as it comes, while the program runs. If it is nil the output is
	// in the Result.
	Stdout io.Writer
	Limits Limits
}

// Input is a stranger's file, or the parts of it that matter.
type Input struct {
	From io.ReaderAt
	Size int64
	// Only, if not empty, are the ranges that are copied. The program sees a file of the full
	// size with zeros between them, which take no memory: a long recording can be given as its
	// index and a few frames.
	Only []Range
}

// Range is Length bytes from Offset.
type Range struct{ Offset, Length int64 }

// Result is what a run came to. It is filled as far as the run came, also beside an error.
type Result struct {
	Stdout []byte        // if the Command named no writer; at most Limits.Output
	Said   string        // the end of standard error, printable, at most 2 KiB; never for the ledger
	CPU    time.Duration // processor time taken
	Took   time.Duration // by the clock
	Memory int64         // largest resident size in bytes
}

var (
	// ErrAbsent says that the program is not installed.
	ErrAbsent = errors.New("program not installed")
	// ErrNotLocked says that too little of the lock-down is in force for foreign programs.
	ErrNotLocked = errors.New("foreign decoders are not locked down here")
	// ErrStart says that the lock-down could not be set up for this run; nothing was run.
	ErrStart = errors.New("the locked-down process could not be set up")
)

// A Limit is what a program was ended for.
type Limit string

// The limits that end a program. One that asks for more memory than it may have is told no
// and ends itself, which is an ExitError, or comes to harm over it, which is LimitFault.
const (
	LimitTime   Limit = "time"        // by the clock
	LimitCPU    Limit = "cpu"         // processor time
	LimitOutput Limit = "output"      // more standard output than it may make
	LimitCall   Limit = "system-call" // a call that no decoder makes
	LimitFault  Limit = "fault"       // it crashed, or was killed by the kernel
)

// KilledError says that a program did not end by itself.
type KilledError struct {
	Program string
	Limit   Limit
	Detail  string // such as the name of the signal
}

func (e *KilledError) Error() string {
	return fmt.Sprintf("%s was ended in the sandbox: %s (%s)", e.Program, e.Limit, e.Detail)
}

// ExitError says that a program ended by itself without success.
type ExitError struct {
	Program string
	Code    int
	Said    string // as in Result: may quote the file, so never for the ledger
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s ended with status %d: %s", e.Program, e.Code, e.Said)
}

// Box runs foreign programs. It is safe for concurrent use.
type Box struct {
	conf  Config
	slots chan struct{}

	lacking []measure // for tests: what counts as not allowed by this kernel

	probed   sync.Once
	found    footing
	mu       sync.Mutex
	versions map[string]Program
}

// Open returns a Box. What the kernel allows is tried at the first use.
func Open(conf Config) *Box {
	if conf.Memory <= 0 {
		conf.Memory = defaultMemory >> 20
	}
	if conf.CPU <= 0 {
		conf.CPU = defaultCPU
	}
	if conf.Time <= 0 {
		conf.Time = defaultTime
	}
	if conf.AtOnce <= 0 {
		conf.AtOnce = runtime.NumCPU()
	}
	return &Box{conf: conf, slots: make(chan struct{}, conf.AtOnce), versions: map[string]Program{}}
}

// Run runs a command to its end and never longer than its limits. Errors are ErrAbsent,
// ErrNotLocked, ErrStart, cordon.ErrTooLarge for the input, *KilledError, *ExitError, the
// writer's, or ctx's.
func (b *Box) Run(ctx context.Context, c Command) (Result, error) {
	c.Limits = b.limits(c.Limits)
	path, err := find(c.Program)
	if err != nil {
		return Result{}, err
	}
	on, err := b.usable()
	if err != nil {
		return Result{}, err
	}
	if c.Input != nil {
		if err := c.Input.check(c.Limits.Input); err != nil {
			return Result{}, err
		}
	}
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	return b.run(ctx, on, path, c)
}

func (b *Box) limits(l Limits) Limits {
	if most := b.conf.Memory << 20; l.Memory <= 0 || l.Memory > most {
		l.Memory = most
	}
	if l.CPU <= 0 || l.CPU > b.conf.CPU {
		l.CPU = b.conf.CPU
	}
	if l.Time <= 0 || l.Time > b.conf.Time {
		l.Time = b.conf.Time
	}
	if l.Input <= 0 {
		l.Input = defaultInput
	}
	if l.Output <= 0 {
		l.Output = defaultOutput
	}
	if l.Threads <= 0 {
		l.Threads = defaultThreads
	}
	if l.Files <= 0 {
		l.Files = defaultFiles
	}
	return l
}

// check holds an input to its limit before any of it is copied.
func (in *Input) check(limit int64) error {
	if in.From == nil || in.Size < 0 {
		return fmt.Errorf("%w: an input of %d bytes", cordon.ErrInvalid, in.Size)
	}
	held := in.Size
	if len(in.Only) > 0 {
		held = 0
		for _, r := range in.Only {
			if r.Offset < 0 || r.Length < 0 || r.Offset > in.Size || r.Length > in.Size-r.Offset {
				return fmt.Errorf("%w: bytes %d+%d of an input of %d", cordon.ErrInvalid, r.Offset, r.Length, in.Size)
			}
			held += r.Length
		}
	}
	if held > limit {
		return fmt.Errorf("%w: %d bytes for a foreign decoder, the limit is %d", cordon.ErrTooLarge, held, limit)
	}
	return nil
}

// clean keeps what a person can read of what a program said, the end of it.
func clean(said []byte) string {
	text := strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\uFFFD':
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(said), ""))
	return strings.Join(strings.Fields(text), " ")
}
