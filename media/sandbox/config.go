package sandbox

import (
	"errors"
	"path/filepath"
	"time"
)

// Config says what must be in force and what one run may take. The zero value is sensible.
type Config struct {
	// Required refuses to run foreign decoders, and to be ready, unless every mechanism is in
	// force: namespaces, a file tree of its own, Landlock, the system call filter and resource
	// limits. Default: false, each promise (no network, no files, no other programs, limits)
	// must be kept by at least one mechanism, else no decoder runs and what needs one is
	// reported as not covered.
	Required bool `yaml:"required"`
	// LimitsOnly lets foreign decoders run with resource limits alone, where the kernel allows
	// no more. A decoder that a file takes over can then read what Cordon's user can read and
	// reach the network. Default: false.
	LimitsOnly bool `yaml:"limits_only"`
	// Memory is the address space of one program in MiB, its libraries included; those of ffmpeg
	// (Debian 12) take 300 of it. Default: 2048.
	Memory int64 `yaml:"memory_mib"`
	// CPU is the processor time of one run. Default: 60s.
	CPU time.Duration `yaml:"cpu"`
	// Time is how long one run may take by the clock. Default: 120s.
	Time time.Duration `yaml:"time"`
	// AtOnce is how many programs run side by side. Default: one a processor.
	AtOnce int `yaml:"at_once"`
	// Show are further folders that programs may read, beyond /usr and /lib: where decoders or
	// their libraries are installed elsewhere, such as /opt/ffmpeg. Default: none.
	Show []string `yaml:"show"`
}

// Check returns what cannot be meant.
func (c Config) Check() error {
	var bad []error
	if c.Required && c.LimitsOnly {
		bad = append(bad, errors.New("required and limits_only contradict each other"))
	}
	if c.Memory < 0 || c.CPU < 0 || c.Time < 0 || c.AtOnce < 0 {
		bad = append(bad, errors.New("a limit is below zero"))
	}
	if c.Memory > 0 && c.Memory < 256 {
		bad = append(bad, errors.New("memory_mib is less than 256, in which no decoder can even start"))
	}
	for _, p := range c.Show {
		if !filepath.IsAbs(p) || filepath.Clean(p) != p || p == "/" || p == "/proc" || p == "/sys" || p == "/dev" {
			bad = append(bad, errors.New("show: "+p+" is not the plain absolute path of a folder with programs"))
		}
	}
	return errors.Join(bad...)
}
