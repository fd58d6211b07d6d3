package desktest

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/desk"
)

// Tenant is the organisation that Day fills.
const Tenant cordon.TenantID = "acme"

// Day fills the desk with what a clinic's gateway may have on a morning. It returns the item
// that most tests look at: a photograph held because its content credential declares a generator.
func (d *Desk) Day(now time.Time) cordon.ID {
	d.Now = func() time.Time { return now }
	routes := []cordon.Route{
		{Name: "portal-uploads", Channel: cordon.ChannelPortal, Owner: "digital-front-door@acme.example", Flow: "onboarding", Mode: cordon.ModeInline, Fail: cordon.FailHold, NotInspected: cordon.FailRefuse, WhenHeld: cordon.AnswerRefuse, Class: cordon.ClassIdentity},
		{Name: "wound-photos", Channel: cordon.ChannelTelehealth, Owner: "virtual-care@acme.example", Flow: "follow-up", Mode: cordon.ModeInline, Fail: cordon.FailHold, NotInspected: cordon.FailRefuse, WhenHeld: cordon.AnswerStage, Class: cordon.ClassClinicalImage},
		{Name: "partner-api", Channel: cordon.ChannelAPI, Owner: "integration@acme.example", Flow: "referrals", Mode: cordon.ModeInline, Fail: cordon.FailPassAndRescan, NotInspected: cordon.FailRefuse, WhenHeld: cordon.AnswerRefuse, Class: cordon.ClassClinicalDocument, CallbackURL: "https://partner.example/cordon"},
		{Name: "call-recordings", Channel: cordon.ChannelSync, Owner: "contact-centre@acme.example", Flow: "consent", Mode: cordon.ModeShadow, Fail: cordon.FailHold, NotInspected: cordon.FailPassAndRescan, WhenHeld: cordon.AnswerRefuse, Class: cordon.ClassRecording},
	}
	d.SetRoutes(
		desk.RouteLine{Route: routes[0], Inspected: 1842, Passed: 96310, Refused: 12, LastSeen: now.Add(-40 * time.Second)},
		desk.RouteLine{Route: routes[1], Inspected: 733, Passed: 15022, NotInspected: 3, LastSeen: now.Add(-6 * time.Minute)},
		desk.RouteLine{Route: routes[2], Inspected: 259, Passed: 40117, LastSeen: now.Add(-2 * time.Hour)},
		desk.RouteLine{Route: routes[3]},
	)
	d.SetSystem(desk.System{
		Detectors: []desk.Detector{{Name: "c2pa", Version: "1.0"}, {Name: "marks", Version: "1.0"}, {Name: "known", Version: "1.0", Problem: "no list of known files is configured"}, {Name: "kind", Version: "1.0"}},
		Ledger:    desk.Ledger{Size: 20418, Checkpoint: now.Add(-time.Second)},
	})
	d.SetCoverage(Tenant, Week(now))
	d.index = 20000

	first := d.arrive(routes[0], 3*time.Hour+12*time.Minute, held{
		name: "passport-photo.jpg", mediaType: "image/jpeg", modality: cordon.Image, size: 2_418_220,
		outcome: cordon.Synthetic, reasons: []cordon.Reason{cordon.ReasonGeneratorDeclared, cordon.ReasonManifestUntrusted},
		findings: []cordon.Finding{
			{Detector: "c2pa", Version: "1.0", Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelGeneratorDeclared, Sentence: "A content credential in the file says that a trained model made it.", Detail: map[string]any{"claim_generator": "Example Image Generator 3", "source_types": []string{"trainedAlgorithmicMedia"}}},
			{Detector: "c2pa", Version: "1.0", Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelManifestUntrusted, Sentence: "The credential is intact, but its signer is not on the trust list in use."},
			{Detector: "marks", Version: "1.0", Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelNoMarks, Sentence: "No metadata that generators write. That is common and proves nothing."},
			{Detector: "known", Version: "1.0", Status: cordon.StatusNotApplicable, Class: cordon.Deterministic, Label: cordon.LabelNotKnown, Sentence: "No list of known files is configured."},
			{Detector: "kind", Version: "1.0", Status: cordon.StatusNone, Class: cordon.Deterministic, Label: cordon.LabelKindFine, Sentence: "The file is what it says it is: a JPEG photograph.",
				Detail: map[string]any{"bytes": map[string]int64{"read": 6841, "opaque": 1_203_112, "unknown": 204}}},
			{Detector: "parts", Version: "5", Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelLimit, Look: cordon.LookBeyondLimits, Sentence: "More is inside of the file than is looked at."},
		},
		preview: portrait(),
	})
	d.arrive(routes[1], 95*time.Minute, held{
		name: "left-forearm.png", mediaType: "image/png", modality: cordon.Image, size: 5_104_884,
		outcome: cordon.Altered, reasons: []cordon.Reason{cordon.ReasonCompositeTag},
		findings: []cordon.Finding{{Detector: "marks", Version: "1.0", Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelCompositeTag, Sentence: "The file's metadata says that parts of it were made by a trained model.",
			Detail: map[string]any{"marks": []map[string]any{{"generator": "digital source type", "indicator": "digital source type", "weight": 1, "means": "The standard tag for the kind of source says so. Whatever made the file, or saved it last, sets it.", "where": "xmp Iptc4xmpExt:DigitalSourceType", "evidence": "compositeWithTrainedAlgorithmicMedia"}}}}},
		preview: gradient(),
	})
	d.arrive(routes[2], 41*time.Minute, held{
		name: "referral-2291.pdf", mediaType: "application/pdf", modality: cordon.Document, size: 311_020,
		outcome: cordon.CannotTell, reasons: []cordon.Reason{cordon.ReasonTypeMismatch},
		findings: []cordon.Finding{{Detector: "kind", Version: "1.0", Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelTypeMismatch, Sentence: "The sender called it a JPEG photograph; it is a PDF document."},
			{Detector: "layout", Version: "1", Status: cordon.StatusFound, Class: cordon.Deterministic, Label: cordon.LabelDocumentPatched, Sentence: "Page 1, object 12, at 218 to the right and 667 up (points): Text was covered, and other text was written over it. Compare it with the source; programs do this for innocent reasons, too.",
				Detail: map[string]any{"pages": 1, "revisions": []int64{1594, 2210}, "hints": []map[string]any{{"kind": "text-over-text", "page": 1, "object": 12, "rect": []float64{218, 667, 238, 679}, "revision": 2, "means": "Text was covered, and other text was written over it."}}}}},
	})
	d.arrive(routes[1], 12*time.Minute, held{
		name: "IMG_4411.heic", mediaType: "image/heic", modality: cordon.Image, size: 1_877_310,
		outcome: cordon.CannotTell, reasons: []cordon.Reason{cordon.ReasonDetectorSilent},
		findings: []cordon.Finding{{Detector: "c2pa", Version: "1.0", Status: cordon.StatusFailed, Class: cordon.Deterministic, Label: cordon.LabelTimeout, Sentence: "The check for content credentials did not finish in time."}},
	})
	lost := d.arrive(routes[0], 26*time.Hour, held{name: "utility-bill.pdf", mediaType: "application/pdf", modality: cordon.Document, size: 90_441, outcome: cordon.NoSign})
	passed := d.arrive(routes[0], 50*time.Minute, held{name: "IMG_0198.jpg", mediaType: "image/jpeg", modality: cordon.Image, size: 3_002_118, outcome: cordon.NoSign})
	d.items[lost].Item.State = cordon.Unsettled
	d.note(d.items[lost], cordon.EntryUnsettled, cordon.Cordon, nil)
	d.items[passed].Item.State = cordon.Delivered
	d.note(d.items[passed], cordon.EntryDelivered, cordon.Cordon, nil)
	d.index = 20418
	return first
}

type held struct {
	name, mediaType string
	modality        cordon.Modality
	size            int64
	outcome         cordon.Outcome
	reasons         []cordon.Reason
	findings        []cordon.Finding
	preview         []byte
}

func (d *Desk) arrive(route cordon.Route, ago time.Duration, h held) cordon.ID {
	at := d.Now().Add(-ago)
	ref := cordon.Ref{Tenant: Tenant, Kind: cordon.KindItem, ID: cordon.NewID(cordon.PrefixItem)}
	action := cordon.Pass
	if len(h.reasons) > 0 {
		action = cordon.Hold
	}
	if h.reasons == nil {
		h.reasons = []cordon.Reason{}
	}
	v := desk.View{
		Item: cordon.Item{
			Ref: ref, State: cordon.Held, Version: 3, Route: route.Name, Channel: route.Channel, Mode: route.Mode, Fail: route.Fail, WhenHeld: route.WhenHeld, Class: route.Class,
			Size: h.size, MediaType: h.mediaType, DeclaredType: "image/jpeg", Modality: h.modality,
			Op: cordon.OpCreate, Object: "ContentVersion", Client: "act_01kb0000000000000000000000", Blob: "blb_x",
			Verdict:    &cordon.Verdict{Outcome: h.outcome, Action: action, Reasons: h.reasons, Policy: "default@5f0c2b9a71de", At: at.Add(80 * time.Millisecond)},
			ReceivedAt: at, ChangedAt: at.Add(90 * time.Millisecond),
		},
		Personal: cordon.Personal{Name: h.name, Subject: "0035g00000XyZ12AAF", Address: "203.0.113.24", UserID: "0055g000004QwErAAK", Username: "m.okafor@acme.example",
			SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
			Staged: cordon.Staged{Op: cordon.OpCreate, Object: "ContentVersion", BlobField: "VersionData", Fields: []cordon.Field{{Name: "Title", Value: []byte(`"Passport"`)}, {Name: "FirstPublishLocationId", Value: []byte(`"0035g00000XyZ12AAF"`)}}}},
		Findings: h.findings,
	}
	r := &record{View: v}
	say := func(kind cordon.EntryKind, after time.Duration, facts map[string]any) {
		r.History = append(r.History, desk.Line{Entry: cordon.NewEntry(kind, ref, at.Add(after), cordon.Cordon, facts), Index: d.index})
		d.index++
	}
	say(cordon.EntryReceived, 0, map[string]any{"route": route.Name, "size": h.size})
	say(cordon.EntryInspected, 80*time.Millisecond, map[string]any{"outcome": string(h.outcome), "policy": v.Item.Verdict.Policy})
	if action.Holds() {
		say(cordon.EntryHeld, 90*time.Millisecond, nil)
	}
	d.items[ref.ID] = r
	if h.preview != nil {
		d.previews[ref.ID] = h.preview
	}
	return ref.ID
}

// portrait draws something like a passport photograph. Nobody is on it.
func portrait() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 480, 600))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{201, 213, 219, 255}), image.Point{}, draw.Src)
	oval := func(cx, cy, rx, ry float64, c color.RGBA) {
		for y := range 600 {
			for x := range 480 {
				if dx, dy := (float64(x)-cx)/rx, (float64(y)-cy)/ry; dx*dx+dy*dy <= 1 {
					img.SetRGBA(x, y, c)
				}
			}
		}
	}
	oval(240, 640, 210, 190, color.RGBA{52, 78, 92, 255})
	oval(240, 250, 128, 168, color.RGBA{70, 50, 40, 255})
	oval(240, 470, 54, 80, color.RGBA{196, 146, 116, 255})
	oval(240, 290, 106, 138, color.RGBA{214, 164, 132, 255})
	for _, x := range []float64{198, 282} {
		oval(x, 275, 17, 9, color.RGBA{245, 242, 238, 255})
		oval(x, 275, 8, 8, color.RGBA{45, 38, 34, 255})
	}
	oval(240, 362, 34, 8, color.RGBA{160, 84, 78, 255})
	return encode(img)
}

func gradient() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for y := range 480 {
		for x := range 640 {
			r := math.Hypot(float64(x-330), float64(y-230)) / 120
			red := 214 - 70*math.Exp(-r*r)
			img.SetRGBA(x, y, color.RGBA{uint8(red), uint8(160 - 90*math.Exp(-r*r)), uint8(132 - 60*math.Exp(-r*r)), 255})
		}
	}
	return encode(img)
}

func encode(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // an image in memory always encodes
	}
	return b.Bytes()
}
