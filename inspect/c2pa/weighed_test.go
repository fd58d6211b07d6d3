package c2pa

import (
	"slices"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
	writer "github.com/cordonhq/cordon/samples/manifest"
)

// TestWhatElseIsDeclared has what credentials say of a generator in other words than a source type:
// the dictionary knows them, whatever the door.
func TestWhatElseIsDeclared(t *testing.T) {
	b := newSignerBench(t)
	actions := func(more map[string]any) writer.Assertion {
		one := map[string]any{"action": "c2pa.created", "digitalSourceType": writer.Capture}
		for k, v := range more {
			one[k] = v
		}
		return writer.Assertion{Label: "c2pa.actions.v2", CBOR: map[string]any{"actions": []any{one}}}
	}
	parameters := func(key string, value any) writer.Assertion {
		return actions(map[string]any{"parameters": map[string]any{key: value}})
	}
	metadata := func(key, value string) writer.Assertion {
		return writer.Assertion{Label: "c2pa.metadata", JSON: map[string]any{"@context": map[string]any{"Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"}, key: value}}
	}
	plain := actions(nil)
	for name, c := range map[string]struct {
		m    writer.Manifest
		want cordon.Label // "": nothing
		says string
	}{
		"a camera":                       {writer.Manifest{Generator: "Example Camera/1", Assertions: []writer.Assertion{plain}}, "", ""},
		"an editor":                      {writer.Manifest{Generator: "Adobe_Photoshop/26.0 adobe_c2pa/0.12", Assertions: []writer.Assertion{actions(map[string]any{"softwareAgent": "Adobe Photoshop"})}}, "", ""},
		"no leave to train on it":        {writer.Manifest{Assertions: []writer.Assertion{plain, {Label: "cawg.training-mining", CBOR: map[string]any{"entries": map[string]any{"cawg.ai_generative_training": map[string]any{"use": "notAllowed"}}}}}}, "", ""},
		"a generator as the claimant":    {writer.Manifest{Generator: "Adobe_Firefly/1.0 c2pa-rs/0.31", Assertions: []writer.Assertion{plain}}, cordon.LabelPossibleTag, "Adobe Firefly"},
		"a generator as the agent":       {writer.Manifest{Assertions: []writer.Assertion{actions(map[string]any{"softwareAgent": "DALL-E 3"})}}, cordon.LabelPossibleTag, "OpenAI"},
		"a generator as one of several":  {writer.Manifest{Assertions: []writer.Assertion{actions(map[string]any{"softwareAgent": map[string]any{"name": "Midjourney"}})}}, cordon.LabelPossibleTag, "Midjourney"},
		"a name with dots":               {writer.Manifest{Assertions: []writer.Assertion{parameters("com.adobe.digitalSourceType", writer.Trained)}}, cordon.LabelGeneratorDeclared, "trainedAlgorithmicMedia"},
		"a name with another prefix":     {writer.Manifest{Assertions: []writer.Assertion{parameters("org.example:Digital_Source_Type", writer.Composite)}}, cordon.LabelCompositeDeclared, "composite"},
		"data of a model":                {writer.Manifest{Assertions: []writer.Assertion{actions(map[string]any{"digitalSourceType": "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"})}}, cordon.LabelGeneratorDeclared, "trained"},
		"IPTC's AI system":               {writer.Manifest{Assertions: []writer.Assertion{plain, metadata("Iptc4xmpExt:AISystemUsed", "A system")}}, cordon.LabelCompositeDeclared, "AI system"},
		"China's label":                  {writer.Manifest{Assertions: []writer.Assertion{plain, metadata("TC260:AIGC", `{"Label":"1","ContentProducer":"x"}`)}}, cordon.LabelGeneratorDeclared, "AIGC"},
		"a disclosure":                   {writer.Manifest{Assertions: []writer.Assertion{plain, {Label: "c2pa.ai-disclosure", CBOR: map[string]any{"modelType": "c2pa.types.model", "modelName": "Example Diffusion 3"}}}}, cordon.LabelPossibleTag, "Example Diffusion 3"},
		"a disclosure of a later form":   {writer.Manifest{Assertions: []writer.Assertion{plain, {Label: "c2pa.ai-disclosure.v2", CBOR: map[string]any{"other": 1}}}}, cordon.LabelPossibleTag, "no model is named"},
		"what is declared already":       {writer.Manifest{Generator: "Adobe_Firefly/1.0", Assertions: []writer.Assertion{created(writer.Trained)}}, cordon.LabelGeneratorDeclared, "trained"},
		"words of an action description": {writer.Manifest{Assertions: []writer.Assertion{actions(map[string]any{"description": "AI Generated Image"})}}, cordon.LabelPossibleTag, "may have been"},
	} {
		p := b.validate(b.sign(smallPNG(t), c.m))
		var got []cordon.Finding
		for _, f := range b.validator.Findings(p) {
			if f.Label == cordon.LabelPossibleTag || f.Label == cordon.LabelGeneratorDeclared || f.Label == cordon.LabelCompositeDeclared {
				got = append(got, f)
			}
		}
		switch {
		case c.want == "" && len(got) == 0:
		case len(got) != 1 || got[0].Label != c.want || !strings.Contains(got[0].Sentence, c.says):
			t.Errorf("%s: %+v, want %s with %q; %s %v", name, got, c.want, c.says, p.State, p.Failure)
		}
	}
}

// TestPartNotBound tells a credential whose signer left out a part of the file from one whose file
// was changed since.
func TestPartNotBound(t *testing.T) {
	b := newSignerBench(t)
	captures := []writer.Assertion{created(writer.Capture)}
	plain := b.sign(smallPNG(t), writer.Manifest{Assertions: captures})
	end := int64(len(plain))
	label := func(file []byte) (cordon.Label, string) {
		found := b.validator.Findings(b.validate(file))
		i := slices.IndexFunc(found, func(f cordon.Finding) bool { return strings.HasPrefix(string(f.Label), "manifest-") })
		return found[i].Label, found[i].Sentence
	}
	partly := b.sign(smallPNG(t), writer.Manifest{Assertions: captures, Exclude: [][2]int64{{end - 12, 12}}})
	if l, s := label(partly); l != cordon.LabelManifestPartial || strings.Contains(s, "changed") || !strings.Contains(s, "does not bind a part") {
		t.Errorf("a part left out: %s, %s", l, s)
	}
	changed := slices.Clone(partly)
	changed[19] ^= 1 // the width of the picture, which is bound
	if l, _ := label(changed); l != cordon.LabelManifestBroken {
		t.Errorf("a part left out, and another one changed: %s", l)
	}
	if l, _ := label(plain); l != cordon.LabelManifestTrusted {
		t.Errorf("nothing left out: %s", l)
	}
}
