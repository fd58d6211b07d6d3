package demo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// scene is one thing that happens: who sends what, and what should come of it.
type scene struct {
	who    string // a route
	what   string
	play   func(ctx context.Context, d *Demo) (fate, error)
	expect string // a fate's kind
}

// fate is what became of a sample.
type fate struct {
	kind    string // delivered, held, refused, verdict
	note    string // for the reader
	receipt string
}

// Kinds of fates.
const (
	delivered = "delivered"
	held      = "held"
	refused   = "refused"
	verdict   = "verdict"
)

func (d *Demo) scenes() []scene {
	s := d.set
	return []scene{
		{"portal", "a photo from a phone, as JSON with base64", upload("portal", "phone-photo.jpg", s.Camera.Bytes, asJSON), delivered},
		{"lab-sync", "a scanned lab letter, as multipart with the binary part first", upload("lab-sync", "lab-letter.png", s.Letter.Bytes, asMultipart), delivered},
		{"onboarding", "an ID photo whose content credential says a trained model made it", upload("onboarding", "id-photo.jpg", s.Generated.Bytes, asJSON), held},
		{"onboarding", "the same ID photo, sent again by a client that retries", upload("onboarding", "id-photo.jpg", s.Generated.Bytes, asJSON), held},
		{"telehealth", "a photo that was changed after its content credential was signed", upload("telehealth", "visit-photo.jpg", s.Tampered.Bytes, asMultipart), held},
		{"api", "a picture with a generator's parameters in its metadata, as an Attachment's body", attachment("demo", "picture.png", s.Parameters.Bytes), held},
		{"portal", fmt.Sprintf("a file over this demo's limit of %d MB", maxFile>>20), oversized, refused},
		{"api", "an upload with a wrong access token", wrongToken, refused},
		{"api", "a Bulk job for files, which this release does not look into", bulkJob, refused},
		{"(asked)", "the question asked directly: POST /v1/items with the ID photo", ask, verdict},
	}
}

// Play sends the samples one after another and says what happened to each. It returns
// ErrSurprise if one met another fate than expected.
func (d *Demo) Play(ctx context.Context) error {
	var surprised error
	fmt.Fprintln(d.out)
	for _, s := range d.scenes() {
		f, err := s.play(ctx, d)
		mark := "ok"
		switch {
		case err != nil:
			mark, surprised = "??", ErrSurprise
			f.note = err.Error()
		case f.kind != s.expect:
			mark, surprised = "??", ErrSurprise
			f.note = fmt.Sprintf("%s (expected: %s)", f.note, s.expect)
		}
		fmt.Fprintf(d.out, "%s  %-11s %s\n    → %s\n", mark, s.who, s.what, f.note)
	}
	return surprised
}

// token signs in through the gateway, so that the gateway knows the client.
func (d *Demo) clientToken(ctx context.Context, client string) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {"demo"}}
	req, err := http.NewRequestWithContext(ctx, "POST", d.urls.gateway+"/services/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, _, body, err := send(req)
	if err != nil {
		return "", err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		InstanceURL string `json:"instance_url"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.AccessToken == "" {
		return "", fmt.Errorf("sign in as client %s: status %d %s", client, status, body)
	}
	if answer.InstanceURL != d.urls.gateway {
		return "", fmt.Errorf("the token answer sends clients to %s, past the gateway", answer.InstanceURL)
	}
	return answer.AccessToken, nil
}

func send(req *http.Request) (status int, header http.Header, body []byte, err error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, resp.Header, body, err
}

// encode writes a record with a file in it the way one kind of client does.
type encode func(fields map[string]string, blobField, name string, data []byte) (contentType string, body []byte, err error)

func asJSON(fields map[string]string, blobField, _ string, data []byte) (string, []byte, error) {
	record := map[string]string{blobField: base64.StdEncoding.EncodeToString(data)}
	for k, v := range fields {
		record[k] = v
	}
	body, err := json.Marshal(record)
	return "application/json", body, err
}

func asMultipart(fields map[string]string, blobField, name string, data []byte) (string, []byte, error) {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	p, err := m.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf("form-data; name=%q; filename=%q", blobField, name)},
		"Content-Type":        {"application/octet-stream"}})
	if err != nil {
		return "", nil, err
	}
	if _, err := p.Write(data); err != nil {
		return "", nil, err
	}
	p, err = m.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="entity_content"`}, "Content-Type": {"application/json"}})
	if err != nil {
		return "", nil, err
	}
	if err := json.NewEncoder(p).Encode(fields); err != nil {
		return "", nil, err
	}
	if err := m.Close(); err != nil {
		return "", nil, err
	}
	return m.FormDataContentType(), body.Bytes(), nil
}

func (d *Demo) create(ctx context.Context, token, object, contentType string, body []byte) (fate, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", d.urls.gateway+"/services/data/v64.0/sobjects/"+object, bytes.NewReader(body))
	if err != nil {
		return fate{}, err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+token)
	status, header, answer, err := send(req)
	if err != nil {
		return fate{}, err
	}
	return d.fateOf(object, status, header, answer)
}

// fateOf reads the answer as a client would, and believes a 201 only when the org has it.
func (d *Demo) fateOf(object string, status int, header http.Header, body []byte) (fate, error) {
	receipt := header.Get("Cordon-Receipt")
	if status == http.StatusCreated {
		var created struct{ ID string }
		if err := json.Unmarshal(body, &created); err != nil {
			return fate{}, fmt.Errorf("status 201 with %s", body)
		}
		for _, f := range d.org.Files() {
			if f.ID == created.ID {
				return fate{kind: delivered, receipt: receipt, note: fmt.Sprintf("reached Salesforce as %s %s; receipt %s", object, created.ID, receipt)}, nil
			}
		}
		return fate{}, fmt.Errorf("the answer names %s, and Salesforce has no such file", created.ID)
	}
	var errs []struct{ Message, ErrorCode string }
	if err := json.Unmarshal(body, &errs); err != nil || len(errs) == 0 {
		return fate{}, fmt.Errorf("status %d with %.200s", status, body)
	}
	if errs[0].ErrorCode == "FIELD_CUSTOM_VALIDATION_EXCEPTION" && receipt != "" {
		return fate{kind: held, receipt: receipt, note: fmt.Sprintf("held; the client got %d %s; receipt %s", status, errs[0].ErrorCode, receipt)}, nil
	}
	return fate{kind: refused, note: fmt.Sprintf("refused with %d %s: %s", status, errs[0].ErrorCode, errs[0].Message)}, nil
}

func upload(client, name string, data []byte, enc encode) func(context.Context, *Demo) (fate, error) {
	return func(ctx context.Context, d *Demo) (fate, error) {
		token, err := d.clientToken(ctx, client)
		if err != nil {
			return fate{}, err
		}
		parent, err := d.theCase()
		if err != nil {
			return fate{}, err
		}
		title, _, _ := strings.Cut(name, ".")
		contentType, body, err := enc(map[string]string{"Title": title, "PathOnClient": name, "FirstPublishLocationId": parent}, "VersionData", name, data)
		if err != nil {
			return fate{}, err
		}
		return d.create(ctx, token, "ContentVersion", contentType, body)
	}
}

func attachment(client, name string, data []byte) func(context.Context, *Demo) (fate, error) {
	return func(ctx context.Context, d *Demo) (fate, error) {
		token, err := d.clientToken(ctx, client)
		if err != nil {
			return fate{}, err
		}
		parent, err := d.theCase()
		if err != nil {
			return fate{}, err
		}
		contentType, body, err := asJSON(map[string]string{"Name": name, "ParentId": parent, "ContentType": "image/png"}, "Body", name, data)
		if err != nil {
			return fate{}, err
		}
		return d.create(ctx, token, "Attachment", contentType, body)
	}
}

// theCase is the support case that the samples belong to.
func (d *Demo) theCase() (string, error) {
	if d.caseID == "" {
		id, err := d.org.Create("demo@example.com", "Case", map[string]any{"Subject": "Sample case of the demo", "Origin": "Web"})
		if err != nil {
			return "", err
		}
		d.caseID = id
	}
	return d.caseID, nil
}

func oversized(ctx context.Context, d *Demo) (fate, error) {
	before := len(d.org.Files())
	f, err := upload("portal", "huge.bin", make([]byte, maxFile+1), asMultipart)(ctx, d)
	if err == nil && len(d.org.Files()) != before {
		err = fmt.Errorf("the oversized file reached Salesforce")
	}
	return f, err
}

func wrongToken(ctx context.Context, d *Demo) (fate, error) {
	contentType, body, err := asJSON(map[string]string{"Title": "x", "PathOnClient": "x.jpg"}, "VersionData", "x.jpg", d.set.Camera.Bytes)
	if err != nil {
		return fate{}, err
	}
	return d.create(ctx, "00Dwrong!token", "ContentVersion", contentType, body)
}

func bulkJob(ctx context.Context, d *Demo) (fate, error) {
	token, err := d.clientToken(ctx, "demo")
	if err != nil {
		return fate{}, err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", d.urls.gateway+"/services/data/v64.0/jobs/ingest",
		strings.NewReader(`{"object":"ContentVersion","operation":"insert"}`))
	if err != nil {
		return fate{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	status, header, body, err := send(req)
	if err != nil {
		return fate{}, err
	}
	return d.fateOf("job", status, header, body)
}

func ask(ctx context.Context, d *Demo) (fate, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", d.urls.console+"/v1/items?name=id-photo.jpg&route=onboarding", bytes.NewReader(d.set.Generated.Bytes))
	if err != nil {
		return fate{}, err
	}
	req.Header.Set("Content-Type", "image/jpeg")
	req.Header.Set("Authorization", "Bearer "+string(d.token))
	status, _, body, err := send(req)
	if err != nil {
		return fate{}, err
	}
	var answer struct {
		ID      string
		State   string
		Verdict *struct {
			Outcome string
			Reasons []string
		}
		Signed string `json:"signed_verdict"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || answer.Verdict == nil || answer.Signed == "" {
		return fate{}, fmt.Errorf("status %d with %.300s", status, body)
	}
	if answer.Verdict.Outcome != "synthetic" {
		return fate{}, fmt.Errorf("the verdict is %q", answer.Verdict.Outcome)
	}
	return fate{kind: verdict, receipt: answer.ID, note: fmt.Sprintf("a signed verdict: %s (%s), now %s; receipt %s",
		answer.Verdict.Outcome, strings.Join(answer.Verdict.Reasons, ", "), answer.State, answer.ID)}, nil
}
