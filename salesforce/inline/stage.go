package inline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// PlaceholderMark begins the Description of every placeholder, so that automations in the org
// can tell one from a file.
const PlaceholderMark = "cordon-placeholder"

var errCannotStage = errors.New("only new documents are answered with a placeholder")

// stage puts a labelled placeholder where the document will be, under the caller's own token,
// so that the id the client gets exists. The genuine bytes become its next version on release.
func (u *upload) stage(ctx context.Context, item cordon.Item) (cordon.Delivery, error) {
	stager, ok := u.gateway.line.(Stager)
	if !ok || u.op != cordon.OpCreate || u.target.object != "ContentVersion" {
		return cordon.Delivery{}, errCannotStage
	}
	name := salesforce.FileName(u.staged)
	title := salesforce.StringField(u.staged, "Title")
	if title == "" {
		title = strings.TrimSuffix(name, path.Ext(name))
	}
	fields := salesforce.SetField(u.fields, "Title", cutRunes(title, 230)+" (under review)")
	fields = salesforce.SetField(fields, "Description", PlaceholderMark+" "+string(item.ID)+
		": this stands for a file that is being reviewed. The file follows as the next version.")
	resp, _, err := u.roundTrip(ctx, salesforce.JSONBody(fields, u.target.blob.BlobField(), placeholder(path.Ext(name))))
	if err != nil {
		return cordon.Delivery{}, err
	}
	if err := u.leads(resp); err != nil {
		return cordon.Delivery{}, err
	}
	a, err := readAnswer(resp)
	if err != nil {
		return cordon.Delivery{}, err
	}
	made, err := u.delivery(a)
	if err != nil {
		return cordon.Delivery{}, err
	}
	if !salesforce.IsID(made.ID) {
		return cordon.Delivery{}, errors.New("the CRM's answer names no record")
	}
	if made.DocumentID, err = u.documentOf(ctx, made.ID); err != nil {
		return cordon.Delivery{}, err
	}
	_, err = stager.Staged(ctx, item, made)
	return made, err
}

// documentOf asks for the ContentDocumentId of a version.
func (u *upload) documentOf(ctx context.Context, version string) (string, error) {
	address := u.tenant.upstream("/services/data/v"+u.target.version+"/sobjects/ContentVersion/"+version, "fields=ContentDocumentId")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return "", err
	}
	req.Header = endToEnd(u.in.Header)
	req.Header.Set("Accept", "application/json")
	delete(req.Header, "Accept-Encoding")
	resp, err := u.tenant.transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	a, err := readAnswer(resp)
	if err != nil {
		return "", err
	}
	var record struct{ ContentDocumentID string }
	if err := json.Unmarshal(a.body, &record); err != nil || !salesforce.IsID(record.ContentDocumentID) {
		return "", fmt.Errorf("the CRM does not name the document of the placeholder (status %d)", a.status)
	}
	return record.ContentDocumentID, nil
}

// placeholder returns a small file of the type that the extension promises.
func placeholder(ext string) cordon.Content {
	var b bytes.Buffer
	grey := image.NewPaletted(image.Rect(0, 0, 64, 64), color.Palette{color.Gray{0xc0}, color.Gray{0x80}})
	for i := range 64 {
		grey.SetColorIndex(i, i, 1)
		grey.SetColorIndex(63-i, i, 1)
	}
	var err error
	switch strings.ToLower(ext) {
	case ".png":
		err = png.Encode(&b, grey)
	case ".jpg", ".jpeg":
		err = jpeg.Encode(&b, grey, nil)
	case ".gif":
		err = gif.Encode(&b, grey, nil)
	case ".pdf":
		writePDF(&b, "This file is being reviewed.")
	default:
		b.WriteString("This file is being reviewed. It follows as the next version of this document.\n")
	}
	if err != nil {
		panic(err) // writing to memory does not fail
	}
	return memory{bytes.NewReader(b.Bytes())}
}

// writePDF writes the smallest PDF of one page with one line of plain ASCII.
func writePDF(b *bytes.Buffer, line string) {
	stream := "BT /F1 18 Tf 40 100 Td (" + line + ") Tj ET"
	objects := []string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 360 200]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
		fmt.Sprintf("<</Length %d>>stream\n%s\nendstream", len(stream), stream),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
	}
	start := b.Len()
	b.WriteString("%PDF-1.4\n")
	var xref bytes.Buffer
	fmt.Fprintf(&xref, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for i, o := range objects {
		fmt.Fprintf(&xref, "%010d 00000 n \n", b.Len()-start)
		fmt.Fprintf(b, "%d 0 obj%s endobj\n", i+1, o)
	}
	at := b.Len() - start
	b.Write(xref.Bytes())
	fmt.Fprintf(b, "trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, at)
}

// memory is content that is held in memory.
type memory struct{ *bytes.Reader }

func (m memory) NewReader() io.Reader { return io.NewSectionReader(m.Reader, 0, m.Size()) }

func cutRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(len(r), n)])
}
