package foreign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/sandbox"
)

// stills are the formats of single pictures, and what ffmpeg calls them. "jpeg" is for those
// that Go does not decode: JPEG-LS, lossless, and more than eight bits a sample.
var stills = map[Format]string{
	"jpeg": "jpeg_pipe",
	"jp2":  "j2k_pipe",
	"avif": "mov",
}

// maxStill is the largest coded picture in bytes.
const maxStill = 256 << 20

// Decodes reports whether the format is one of still pictures.
func (*Decoder) Decodes(f Format) bool { return stills[f] != "" || f == "heic" }

// Still decodes one picture, as it is stored, if it has at most so many pixels by its own
// header. Grey pictures of more than eight bits come as image.Gray16. An error wraps
// cordon.ErrInvalid where the bytes are no picture that can be decoded, cordon.ErrTooLarge
// where it has too many pixels; others mean that the decoder itself came to no end.
func (d *Decoder) Still(ctx context.Context, r io.ReaderAt, size int64, f Format, pixels int64) (image.Image, error) {
	if f == "heic" {
		return d.heic(ctx, r, size, pixels)
	}
	demuxer := stills[f]
	if demuxer == "" {
		return nil, fmt.Errorf("%w: %s", ErrUnsupported, f)
	}
	w, h, err := dimensions(r, size, f)
	if err != nil {
		return nil, err
	}
	if f == "jpeg" {
		if _, _, ls, _ := jpegSize(r, size); ls {
			demuxer = "jpegls_pipe"
		}
	}
	if area := int64(w) * int64(h); area > min(pixels, MaxPixels) {
		return nil, tooLarge(w, h)
	}
	args := append(append([]string{}, quiet...), opening(demuxer)...)
	args = append(args, "-noautorotate", "-i", sandbox.InputPath, "-map", "0:v:0", "-frames:v", "1",
		"-c:v", "png", "-pred", "none", "-compression_level", "0", "-threads", "1", "-f", "image2pipe", "pipe:1")
	area := int64(w) * int64(h)
	got, err := d.box.Run(ctx, sandbox.Command{Program: "ffmpeg", Args: args, Input: &sandbox.Input{From: r, Size: size},
		Limits: sandbox.Limits{Input: maxStill, Output: 8*area + area/64 + 1<<20}})
	if err != nil {
		return nil, undecodable(err)
	}
	conf, err := png.DecodeConfig(bytes.NewReader(got.Stdout))
	if err != nil {
		return nil, broken("no picture")
	}
	if conf.Width != w || conf.Height != h {
		return nil, broken(fmt.Sprintf("%d by %d pixels, and the header says %d by %d", conf.Width, conf.Height, w, h))
	}
	img, err := png.Decode(bytes.NewReader(got.Stdout))
	if err != nil {
		return nil, broken(err.Error())
	}
	return img, nil
}

// undecodable tells a decoder that says no from one that came to harm.
func undecodable(err error) error {
	if _, said := errors.AsType[*sandbox.ExitError](err); said {
		return fmt.Errorf("%w: %w", cordon.ErrInvalid, err)
	}
	return fmt.Errorf("decode the picture: %w", err)
}

func tooLarge(w, h int) error {
	return fmt.Errorf("%w: %d by %d pixels", cordon.ErrTooLarge, w, h)
}
