// Package samples makes the sample media of demos and tests, at run time and from nothing:
// no picture of anybody, no file from anywhere. Every sample says in its pixels or its
// metadata that it is a sample made by this project.
//
// The same seed gives the same pixels. Signatures differ from run to run, because their
// keys are made for the occasion and thrown away.
package samples

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"time"

	"github.com/cordonhq/cordon/samples/manifest"
)

// Sample is one file.
type Sample struct {
	Name      string // file name with extension
	MediaType string
	Is        string // what it stands for, in a few words
	Bytes     []byte
}

// Set is one of each.
type Set struct {
	Camera     Sample // JPEG as from a camera, with EXIF and without a manifest
	Letter     Sample // PNG, scan of a laboratory letter
	LetterPDF  Sample // the same as a small PDF
	Generated  Sample // JPEG whose manifest declares trainedAlgorithmicMedia
	Tampered   Sample // Generated with a pixel changed after signing
	Edited     Sample // JPEG made from Generated: the declaration is in the ingredient only
	Parameters Sample // PNG with the "parameters" text that image generators write
	Plain      Sample // PNG without any metadata but a comment
	Truncated  Sample // Camera, cut off
	Photo      Sample // PNG whose manifest declares digitalCapture, by a signer nobody knows

	// Anchors is the PEM of the authority behind Generated, Tampered and Edited. Photo has
	// another that is thrown away.
	Anchors []byte
}

// All returns the samples in the order in which a demo shows them.
func (s *Set) All() []Sample {
	return []Sample{s.Camera, s.Letter, s.LetterPDF, s.Generated, s.Tampered, s.Edited, s.Parameters, s.Plain, s.Photo, s.Truncated}
}

// New makes a set. It takes about a second of one core.
func New(seed uint64) (*Set, error) {
	rnd := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }
	set := &Set{}
	photo, err := encodeJPEG(landscape(rnd(1)), 90)
	if err != nil {
		return nil, err
	}
	cam := camera{maker: "Northlight", model: "NL-200", software: "NL-200 1.4", description: "Sample made by the Cordon project, no such camera",
		at: time.Date(2026, 3, 2, 8, 10, 0, 0, time.UTC).Add(time.Duration(rnd(2).IntN(86400)) * time.Second)}
	set.Camera = Sample{"camera-photo.jpg", "image/jpeg", "photo as from a camera", withSegment(photo, 0xE1, cam.exif())}
	set.Truncated = Sample{"truncated.jpg", "image/jpeg", "photo that is cut off", set.Camera.Bytes[:len(set.Camera.Bytes)*6/10]}

	scan, err := encodePNG(letter(rnd(3)))
	if err != nil {
		return nil, err
	}
	set.Letter = Sample{"lab-letter.png", "image/png", "scan of a laboratory letter", comment(scan)}
	set.LetterPDF = Sample{"lab-letter.pdf", "application/pdf", "laboratory letter", letterPDF()}

	plain, err := encodePNG(pattern(rnd(4), "plain picture, "+madeBy))
	if err != nil {
		return nil, err
	}
	set.Plain = Sample{"plain.png", "image/png", "picture without metadata", comment(plain)}
	drawn, err := encodePNG(pattern(rnd(5), "generator metadata, "+madeBy))
	if err != nil {
		return nil, err
	}
	set.Parameters = Sample{"generator-parameters.png", "image/png", "picture with a generator's parameters", withChunk(comment(drawn), "tEXt",
		[]byte("parameters\x00sample prompt, made by the Cordon project\nNegative prompt: none\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 640x480, Model: sample-model"))}
	return set, set.sign(rnd)
}

// sign makes the samples that carry manifests.
func (s *Set) sign(rnd func(uint64) *rand.Rand) error {
	known, err := manifest.NewAuthority("Cordon sample authority, trust nowhere")
	if err != nil {
		return err
	}
	s.Anchors = known.PEM()
	generator, err := known.Signer(manifest.Profile{Name: "Sample image generator"})
	if err != nil {
		return err
	}
	editor, err := known.Signer(manifest.Profile{Name: "Sample picture editor"})
	if err != nil {
		return err
	}
	face := portrait(rnd(6))
	bare, err := encodeJPEG(face, 90)
	if err != nil {
		return err
	}
	made, err := generator.Sign(bare, manifest.Manifest{Generator: "Cordon sample generator", Title: "AI identity photo, sample",
		Assertions: []manifest.Assertion{manifest.Actions(manifest.Action{Action: "c2pa.created", SourceType: manifest.Trained,
			SoftwareAgent: map[string]any{"name": "Cordon sample generator"}})}})
	if err != nil {
		return fmt.Errorf("sign the generated sample: %w", err)
	}
	s.Generated = Sample{"ai-id-photo.jpg", "image/jpeg", "identity photo that declares a trained model", made}

	changed, err := changePixels(made)
	if err != nil {
		return err
	}
	s.Tampered = Sample{"tampered-id-photo.jpg", "image/jpeg", "the same, changed after signing", changed}

	retouched := newCanvas(face.Bounds().Dx(), face.Bounds().Dy())
	copy(retouched.Pix, face.(canvas).Pix)
	retouched.ellipse(600, 120, 70, 70, rgb(0xFFF3D6))
	again, err := encodeJPEG(retouched, 88)
	if err != nil {
		return err
	}
	edited, err := editor.Sign(again, manifest.Manifest{Generator: "Cordon sample editor", Title: "edited photo, sample",
		Assertions:  []manifest.Assertion{manifest.Actions(manifest.Opened(), manifest.Action{Action: "c2pa.color_adjustments"})},
		Ingredients: []manifest.Ingredient{{File: made, Title: "ai-id-photo.jpg", Relationship: "parentOf"}}})
	if err != nil {
		return fmt.Errorf("sign the edited sample: %w", err)
	}
	s.Edited = Sample{"edited-from-ai.jpg", "image/jpeg", "edit of the generated photo", edited}

	unknown, err := manifest.NewAuthority("Another sample authority")
	if err != nil {
		return err
	}
	stranger, err := unknown.Signer(manifest.Profile{Name: "Sample camera"})
	if err != nil {
		return err
	}
	shot, err := encodePNG(pattern(rnd(7), "signed by an unknown signer, "+madeBy))
	if err != nil {
		return err
	}
	signed, err := stranger.Sign(shot, manifest.Manifest{Generator: "Cordon sample camera", Title: "camera picture, sample",
		Assertions: []manifest.Assertion{manifest.Actions(manifest.Action{Action: "c2pa.created", SourceType: manifest.Capture})}})
	if err != nil {
		return fmt.Errorf("sign the photo sample: %w", err)
	}
	s.Photo = Sample{"signed-by-stranger.png", "image/png", "picture with a credential of an unknown signer", signed}
	return nil
}

// changePixels flips one bit of the scan of a JPEG file such that the file still decodes.
func changePixels(file []byte) ([]byte, error) {
	changed := bytes.Clone(file)
	for i := len(file) * 3 / 4; i < len(file)-2; i++ {
		if changed[i] ^= 0x10; file[i] != 0xFF && changed[i] != 0xFF && file[i-1] != 0xFF {
			if _, err := jpeg.Decode(bytes.NewReader(changed)); err == nil {
				return changed, nil
			}
		}
		changed[i] = file[i]
	}
	return nil, errors.New("no bit of the sample can be changed")
}

func encodeJPEG(m image.Image, quality int) ([]byte, error) {
	var b bytes.Buffer
	if c, ok := m.(canvas); ok {
		m = c.RGBA // the encoder is faster when it knows the type
	}
	err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality})
	return withSegment(b.Bytes(), 0xFE, []byte(remark)), err
}

func encodePNG(m image.Image) ([]byte, error) {
	var b bytes.Buffer
	if c, ok := m.(canvas); ok {
		m = c.RGBA
	}
	err := png.Encode(&b, m)
	return b.Bytes(), err
}
