// Package foreign decodes what this process does not decode itself: frames and sound of
// recordings, and still pictures as JPEG 2000, JPEG-LS, lossless and 12-bit JPEG, AVIF and
// HEIC. ffmpeg does the work, locked down in a [sandbox.Box].
//
// ffmpeg never guesses what a file is: the format comes from our own look at the bytes and
// belongs to a closed list, in which there are no playlists and nothing else that names other
// files. Only well-known decoders are open to it, and they keep to a largest picture.
//
// What comes back is read as if a stranger had made it, since a file may have taken ffmpeg
// over. Whatever was decoded before an error is given out together with the error.
package foreign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/sandbox"
)

// ErrUnsupported says that no decoder is meant for the format.
var ErrUnsupported = errors.New("no foreign decoder for this format")

// MaxPixels is the largest picture or frame that is decoded, as width times height.
const MaxPixels = 120_000_000

// Format is what the bytes are. Names are those of package media's types.
type Format = string

// demuxers are the formats of recordings, and what ffmpeg calls them.
var demuxers = map[Format]string{
	"mp4": "mov", "mov": "mov", "m4a": "mov",
	"matroska": "matroska",
	"avi":      "avi",
	"wav":      "wav",
	"mp3":      "mp3",
	"flac":     "flac",
	"ogg":      "ogg",
	"aiff":     "aiff",
	"amr":      "amr",
	"aac":      "aac",
}

// decoders that may be opened. Without a list ffmpeg has several hundred, many of them for
// games of the nineties that nobody has looked at since.
var decoders = strings.Join([]string{
	"h264", "hevc", "av1", "libdav1d", "vp8", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "h263", "mjpeg", "theora", "prores", "dvvideo", "ffv1", "rawvideo", "png",
	"msmpeg4", "msmpeg4v2", "wmv1", "wmv2", "wmv3", "vc1",
	"aac", "aac_latm", "mp3", "mp3float", "mp2", "mp2float", "flac", "alac", "vorbis", "opus", "libopus", "ac3", "eac3", "amrnb", "amrwb", "speex", "libspeex", "wmav1", "wmav2", "wmapro",
	"pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "pcm_alaw", "pcm_mulaw",
	"adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt",
	"jpeg2000", "jpegls",
}, ",")

// Decoder decodes by means of the programs in a Box. It is safe for concurrent use.
type Decoder struct{ box *sandbox.Box }

// New returns a Decoder.
func New(box *sandbox.Box) *Decoder { return &Decoder{box} }

// Ready returns why nothing can be decoded here, if so: sandbox.ErrAbsent or
// sandbox.ErrNotLocked.
func (d *Decoder) Ready() error {
	if err := d.box.Has("ffmpeg"); err != nil {
		return err
	}
	return d.box.Has("ffprobe")
}

// Recording is a file with sound or moving pictures.
type Recording struct {
	From   io.ReaderAt
	Size   int64
	Format Format
	// Only, if not empty, are the parts of it that are looked at; see sandbox.Input.
	Only []sandbox.Range
}

func (r Recording) input() *sandbox.Input {
	return &sandbox.Input{From: r.From, Size: r.Size, Only: r.Only}
}

// Records reports whether the format is one of recordings.
func Records(f Format) bool { return demuxers[f] != "" }

// opening are the arguments by which a program opens its input as what we say it is.
func opening(demuxer string) []string {
	return []string{
		"-protocol_whitelist", "file,pipe", "-format_whitelist", demuxer, "-codec_whitelist", decoders,
		"-threads", "1", "-max_pixels", strconv.Itoa(MaxPixels), "-f", demuxer,
	}
}

// quiet are the arguments that every run of ffmpeg begins with.
var quiet = []string{"-nostdin", "-hide_banner", "-v", "error"}

// stream runs ffmpeg and has its output read while it comes. If reading fails the program is
// ended; the reader's error then says more than the program's.
func (d *Decoder) stream(ctx context.Context, c sandbox.Command, read func(io.Reader) error) error {
	out, in := io.Pipe()
	c.Stdout = in
	ended := make(chan error, 1)
	go func() {
		_, err := d.box.Run(ctx, c)
		_ = in.CloseWithError(io.EOF)
		ended <- err
	}()
	err := read(out)
	_ = out.CloseWithError(errStop) // has the program ended if it still writes
	ran := <-ended
	switch {
	case errors.Is(err, errEnough):
		return nil
	case ran != nil && !errors.Is(ran, errStop):
		return ran
	}
	return err
}

var (
	errStop   = errors.New("nobody reads any more")
	errEnough = errors.New("enough was read")
)

// broken says that what ffmpeg gave out is not what it was asked for.
func broken(what string) error {
	return fmt.Errorf("%w: the decoder's output: %s", cordon.ErrInvalid, what)
}
