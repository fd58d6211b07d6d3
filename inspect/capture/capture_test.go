package capture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/capture"
	"github.com/cordonhq/cordon/media/mediatest"
)

// taken is a photograph that says when it was taken, in what zone.
func taken(t testing.TB, at, zone string) []byte {
	tags := []mediatest.Tag{}
	if at != "" {
		tags = append(tags, mediatest.Ascii(36867, at))
	}
	if zone != "" {
		tags = append(tags, mediatest.Ascii(36881, zone))
	}
	return mediatest.EXIF(mediatest.JPEG(t, 8, 8), mediatest.TIFF([]mediatest.Tag{mediatest.Ascii(271, "Canon")}, tags...))
}

// film is an MP4 file that says when it was made, in seconds since 1904.
func film(seconds uint32) []byte {
	header := binary.BigEndian.AppendUint32(make([]byte, 4), seconds)
	header = append(header, 0, 0, 0, 0, 0, 0, 3, 0xE8, 0, 0, 0, 0)
	return bytes.Join([][]byte{mediatest.Box("ftyp", []byte("isom")), mediatest.Box("moov", mediatest.Box("mvhd", header))}, nil)
}

func TestTimes(t *testing.T) {
	came := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in1904 := func(at time.Time) uint32 { return uint32(at.Unix() + 2082844800) }
	for name, test := range map[string]struct {
		file []byte
		came time.Time
		want cordon.Label
		says string
	}{
		"yesterday":                  {taken(t, "2026:02:28 09:00:00", ""), came, cordon.LabelCaptureTime, "2026-02-28"},
		"another zone":               {taken(t, "2026:03:02 01:30:00", ""), came, cordon.LabelCaptureTime, "2026-03-02"},
		"the zone is stated":         {taken(t, "2026:03:03 01:30:00", "+14:00"), came, cordon.LabelCaptureTime, "2026-03-02"},
		"after it came":              {taken(t, "2026:03:09 09:00:00", ""), came, cordon.LabelCaptureTimeOdd, "it came before, on 2026-03-01"},
		"eight years before":         {taken(t, "2018:03:09 09:00:00", ""), came, cordon.LabelCaptureTimeOdd, "long before it came"},
		"nobody knows when it came":  {taken(t, "2018:03:09 09:00:00", ""), time.Time{}, cordon.LabelCaptureTime, "2018-03-09"},
		"stripped":                   {mediatest.JPEG(t, 8, 8), came, cordon.LabelCaptureTimeUnknown, "does not say"},
		"no time":                    {taken(t, "", ""), came, cordon.LabelCaptureTimeUnknown, "does not say"},
		"a clock that was never set": {taken(t, "0000:00:00 00:00:00", ""), came, cordon.LabelCaptureTimeUnknown, "does not say"},
		"no date at all":             {taken(t, "last summer", ""), came, cordon.LabelCaptureTimeUnknown, "does not say"},
		"a film of that day":         {film(in1904(came.Add(-time.Hour))), came, cordon.LabelCaptureTime, "2026-03-01"},
		"a film of next year":        {film(in1904(came.AddDate(1, 0, 0))), came, cordon.LabelCaptureTimeOdd, "it came before"},
		"a film without a time":      {film(0), came, cordon.LabelCaptureTimeUnknown, "does not say"},
		"a PNG with EXIF":            {mediatest.Chunk(mediatest.PNG(t, 8, 8), "eXIf", mediatest.TIFF(nil, mediatest.Ascii(36867, "2026:02:28 09:00:00"))), came, cordon.LabelCaptureTime, "2026-02-28"},
		"a text":                     {[]byte("nothing to see"), came, cordon.LabelNotCovered, "not read"},
	} {
		m := mediatest.OpenBytes(t, test.file)
		m.Uploaded = test.came
		found, err := capture.New(capture.Config{}).Inspect(context.Background(), m)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %v, %v", name, found, err)
		}
		f := found[0]
		if f.Label != test.want || !strings.Contains(f.Sentence, test.says) || f.Class != cordon.Context {
			t.Errorf("%s: %s, %q, %s", name, f.Label, f.Sentence, f.Class)
		}
		if (f.Status == cordon.StatusFound) != (test.want == cordon.LabelCaptureTimeOdd) {
			t.Errorf("%s: %s is %s", name, f.Label, f.Status)
		}
	}
}

// Whatever the bytes, there is one finding and no error.
func FuzzEXIF(f *testing.F) {
	f.Add(taken(f, "2026:02:28 09:00:00", "+01:00"))
	f.Add(film(3_800_000_000))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := mediatest.OpenBytes(t, b)
		m.Uploaded = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		if found, err := capture.New(capture.Config{}).Inspect(context.Background(), m); err != nil || len(found) != 1 {
			t.Errorf("%v, %v", found, err)
		}
	})
}
