package declared

import (
	"slices"
	"strings"
)

// SourceClass is what a value of the IPTC digital source type comes to.
type SourceClass string

// Classes of source types. Only the first two say that a trained model was at work.
const (
	Trained       SourceClass = "trained"        // a trained model made it
	PartlyTrained SourceClass = "partly trained" // a trained model, or other synthesis, made parts of it
	Composed      SourceClass = "composite"      // put together; whether from generated parts is left open, or ruled out
	Algorithmic   SourceClass = "algorithmic"    // made by a program without training data
	Captured      SourceClass = "capture"        // taken from life, from a screen, or digitised
	Edited        SourceClass = "edit"           // made or changed by a person with tools that are no generators
)

// SourceType is a value of the vocabulary.
type SourceType struct {
	Code    string
	Class   SourceClass
	Retired bool // files keep it
	Says    string
}

// vocabulary has every value of the IPTC NewsCodes scheme digitalsourcetype, those that were
// retired with it, and those that C2PA adds.
// https://cv.iptc.org/newscodes/digitalsourcetype/
var vocabulary = []SourceType{
	{"trainedAlgorithmicMedia", Trained, false, "a model made it that was trained on samples"},
	{"trainedAlgorithmicData", Trained, false, "C2PA's own: data that a trained model made"},
	{"compositeWithTrainedAlgorithmicMedia", PartlyTrained, false, "put together with, or changed by, what a trained model made"},
	{"compositeSynthetic", PartlyTrained, false, "put together, with at least one synthetic part"},
	{"composite", Composed, false, "put together; any part may or may not be generated"},
	{"compositeCapture", Composed, false, "put together from parts that were all captured"},
	{"algorithmicMedia", Algorithmic, false, "made by an algorithm without samples, for example a fractal"},
	{"dataDrivenMedia", Algorithmic, false, "made from data, for example a chart"},
	{"empty", Algorithmic, false, "C2PA's own: begun with nothing"},
	{"virtualRecording", Algorithmic, false, "a live recording of a virtual event"},
	{"digitalCapture", Captured, false, "captured from a real scene by a device"},
	{"computationalCapture", Captured, false, "captured by a device from several frames or sensors"},
	{"screenCapture", Captured, false, "what a screen showed"},
	{"negativeFilm", Captured, false, "digitised from a negative"},
	{"positiveFilm", Captured, false, "digitised from a transparency"},
	{"print", Captured, false, "digitised from paper"},
	{"humanEdits", Edited, false, "changed by a person with tools that are no generators"},
	{"minorHumanEdits", Edited, true, "small changes by a person; now humanEdits"},
	{"algorithmicallyEnhanced", Edited, false, "enhanced by an algorithm without new content"},
	{"digitalCreation", Edited, false, "made by a person with tools that are no generators"},
	{"digitalArt", Edited, true, "made by a person with digital tools; now digitalCreation"},
	{"softwareImage", Edited, true, "made by a person with software; now digitalCreation"},
}

// calledAs are the names of values where they are no longer the code in words.
var calledAs = map[string]string{
	"createdusinggenerativeai": "trainedalgorithmicmedia", "editedusinggenerativeai": "compositewithtrainedalgorithmicmedia",
	"compositewithsyntheticelements": "compositesynthetic", "compositewithaigeneratedelements": "compositesynthetic",
}

// Vocabulary returns every value of the digital source type with its class.
func Vocabulary() []SourceType { return slices.Clone(vocabulary) }

// SourceTypes are the values of a class.
func SourceTypes(class SourceClass) (out []string) {
	for _, s := range vocabulary {
		if s.Class == class {
			out = append(out, s.Code)
		}
	}
	return out
}

// Classify returns the class of a value as it is written, the gravest of a list, "" for one that
// is not known.
func Classify(value string) SourceClass {
	codes := codesOf(value)
	for _, s := range vocabulary { // in the order of what it says of a model
		if slices.Contains(codes, strings.ToLower(s.Code)) {
			return s.Class
		}
	}
	return ""
}
