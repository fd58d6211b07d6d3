package foreign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/cordonhq/cordon/media/sandbox"
)

// Info is what ffprobe says of a recording.
type Info struct {
	Duration time.Duration // 0 if the file does not say
	Video    []VideoInfo
	Audio    []AudioInfo
}

// VideoInfo is one stream of pictures, cover pictures included.
type VideoInfo struct {
	Codec         string
	Width, Height int // pixels
	Cover         bool
}

// AudioInfo is one stream of sound.
type AudioInfo struct {
	Codec    string
	Rate     int // samples a second
	Channels int
}

// Probe asks what is in a recording.
func (d *Decoder) Probe(ctx context.Context, r Recording) (Info, error) {
	demuxer := demuxers[r.Format]
	if demuxer == "" {
		return Info{}, fmt.Errorf("%w: %s", ErrUnsupported, r.Format)
	}
	args := append([]string{"-hide_banner", "-v", "error"}, opening(demuxer)...)
	args = append(args, "-i", sandbox.InputPath, "-of", "json",
		"-show_entries", "format=duration:stream=codec_type,codec_name,width,height,sample_rate,channels,duration:stream_disposition=attached_pic")
	got, err := d.box.Run(ctx, sandbox.Command{Program: "ffprobe", Args: args, Input: r.input(), Limits: sandbox.Limits{Output: 1 << 20}})
	if err != nil {
		return Info{}, fmt.Errorf("probe the recording: %w", err)
	}
	return readProbe(got.Stdout)
}

// readProbe reads ffprobe's answer.
func readProbe(text []byte) (Info, error) {
	var said struct {
		Streams []struct {
			Type        string `json:"codec_type"`
			Codec       string `json:"codec_name"`
			Width       int    `json:"width"`
			Height      int    `json:"height"`
			Rate        string `json:"sample_rate"`
			Channels    int    `json:"channels"`
			Duration    string `json:"duration"`
			Disposition struct {
				Cover int `json:"attached_pic"`
			} `json:"disposition"`
		} `json:"streams"`
		Format struct {
			Duration string `json:"duration"`
		} `json:"format"`
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&said); err != nil {
		return Info{}, broken("no probe")
	}
	info := Info{Duration: seconds(said.Format.Duration)}
	for _, s := range said.Streams {
		switch s.Type {
		case "video":
			info.Video = append(info.Video, VideoInfo{s.Codec, s.Width, s.Height, s.Disposition.Cover != 0})
		case "audio":
			rate, _ := strconv.Atoi(s.Rate)
			info.Audio = append(info.Audio, AudioInfo{s.Codec, rate, s.Channels})
		default:
			continue
		}
		if info.Duration == 0 {
			info.Duration = seconds(s.Duration)
		}
	}
	return info, nil
}

// seconds reads a decimal number of them; nonsense is 0.
func seconds(s string) time.Duration {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0) || v > 1e6 {
		return 0
	}
	return time.Duration(v * float64(time.Second))
}

// Frame is one picture of a recording.
type Frame struct {
	At    time.Duration // from its beginning
	Image *image.NRGBA  // as it is stored, before any rotation
}

// KeyFrames says which frames are wanted.
type KeyFrames struct {
	// Most is how many at most; default: 30. They are spread over the whole recording, and are
	// at least Apart from each other; default: 1s.
	Most  int
	Apart time.Duration
	// Side is the longer side of a frame in pixels, to which larger ones are scaled.
	// Default: as they are.
	Side int
}

// KeyFrames decodes key frames, those that need no others, and gives them to each in order.
// It stops at an error of each and returns it. An error of the decoder may come after frames.
func (d *Decoder) KeyFrames(ctx context.Context, r Recording, want KeyFrames, each func(Frame) error) error {
	if want.Most <= 0 {
		want.Most = 30
	}
	if want.Apart <= 0 {
		want.Apart = time.Second
	}
	info, err := d.Probe(ctx, r)
	if err != nil {
		return err
	}
	stream := -1
	for i, v := range info.Video {
		if !v.Cover && v.Width > 0 && v.Height > 0 {
			stream = i
			break
		}
	}
	if stream < 0 {
		return fmt.Errorf("%w: no moving pictures in it", ErrUnsupported)
	}
	w, h, err := fit(info.Video[stream].Width, info.Video[stream].Height, want.Side)
	if err != nil {
		return err
	}
	// A little less, so that rounding does not lose the last one of a regular series.
	apart := max(want.Apart, info.Duration/time.Duration(want.Most)) - 10*time.Millisecond

	args := append([]string{}, quiet...)
	if len(r.Only) > 0 {
		args = append(args, "-max_error_rate", "1") // what lies between the parts is no damage
	}
	args = append(args, opening(demuxers[r.Format])...)
	args = append(args, "-noautorotate", "-skip_frame", "nokey", "-i", sandbox.InputPath,
		"-map", "0:v:"+strconv.Itoa(stream), "-map_metadata", "-1", "-map_chapters", "-1", "-fps_mode", "passthrough",
		"-filter_threads", "1",
		"-vf", fmt.Sprintf("select='isnan(prev_selected_t)+gte(t-prev_selected_t\\,%.3f)',scale=%d:%d:flags=bicubic", apart.Seconds(), w, h),
		"-frames:v", strconv.Itoa(want.Most),
		"-c:v", "rawvideo", "-pix_fmt", "rgba", "-threads", "1", "-allow_raw_vfw", "1", "-cluster_time_limit", "1", "-f", "matroska", "pipe:1")
	size := int64(w) * int64(h) * 4
	seen := 0
	c := sandbox.Command{Program: "ffmpeg", Args: args, Input: r.input(),
		Limits: sandbox.Limits{Output: (size+1<<10)*int64(want.Most) + 64<<10}}
	err = d.stream(ctx, c, func(out io.Reader) error {
		return blocks(out, size, func(at time.Duration, pixels []byte) error {
			if int64(len(pixels)) != size {
				return broken(fmt.Sprintf("a frame of %d bytes, not %d", len(pixels), size))
			}
			seen++
			for i := 3; i < len(pixels); i += 4 {
				pixels[i] = 0xFF // recordings with transparency are looked at without
			}
			return each(Frame{at, &image.NRGBA{Pix: pixels, Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}})
		})
	})
	if err == nil && seen == 0 {
		err = errors.New("no key frame could be decoded")
	}
	return err
}

// fit is the size of a picture scaled to a longer side, if it is larger.
func fit(w, h, side int) (int, int, error) {
	if w > math.MaxUint16 || h > math.MaxUint16 || int64(w)*int64(h) > MaxPixels {
		return 0, 0, tooLarge(w, h)
	}
	if long := max(w, h); side > 0 && long > side {
		return max(1, (w*side+long/2)/long), max(1, (h*side+long/2)/long), nil
	}
	return w, h, nil
}

// SoundRate is how many samples a second Sound has.
const SoundRate = 16000

// Sound is a stretch of a recording, one channel.
type Sound struct {
	From    time.Duration
	Samples []int16 // SoundRate a second
}

// Audio decodes the sound from a time on, all channels mixed into one. It is shorter than
// asked where the recording ends, and beside an error has what was decoded until then.
func (d *Decoder) Audio(ctx context.Context, r Recording, from, length time.Duration) (Sound, error) {
	demuxer := demuxers[r.Format]
	if demuxer == "" {
		return Sound{}, fmt.Errorf("%w: %s", ErrUnsupported, r.Format)
	}
	if from < 0 || length <= 0 || length > time.Hour {
		return Sound{}, fmt.Errorf("sound from %v for %v: windows are of up to an hour", from, length)
	}
	args := append(append([]string{}, quiet...), "-ss", fmt.Sprintf("%.3f", from.Seconds()), "-t", fmt.Sprintf("%.3f", length.Seconds()))
	args = append(append(args, opening(demuxer)...), "-vn", "-i", sandbox.InputPath,
		"-map", "0:a:0", "-ac", "1", "-ar", strconv.Itoa(SoundRate), "-c:a", "pcm_s16le", "-threads", "1", "-f", "s16le", "pipe:1")
	most := 2 * int64(length.Seconds()*SoundRate+SoundRate)
	got, err := d.box.Run(ctx, sandbox.Command{Program: "ffmpeg", Args: args, Input: r.input(), Limits: sandbox.Limits{Output: most}})
	out := Sound{From: from, Samples: make([]int16, len(got.Stdout)/2)}
	for i := range out.Samples {
		out.Samples[i] = int16(uint16(got.Stdout[2*i]) | uint16(got.Stdout[2*i+1])<<8)
	}
	if err != nil {
		return out, fmt.Errorf("decode the sound: %w", err)
	}
	return out, nil
}
