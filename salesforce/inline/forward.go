package inline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// maxAnswer is the longest answer to a write that is read. Real ones have some hundred bytes.
const maxAnswer = 1 << 20

// upstreamAnswer is what the CRM said to a write.
type upstreamAnswer struct {
	status int
	header http.Header
	body   []byte
}

// forward writes the file upstream and gives the CRM's answer to the client.
func (u *upload) forward(ctx context.Context, item cordon.Item) error {
	g := u.gateway
	var got *upstreamAnswer
	var away error // the answer sends the client elsewhere
	after, err := g.line.Forward(ctx, item, func(ctx context.Context, content cordon.Content) (cordon.Delivery, error) {
		resp, sent, err := u.roundTrip(ctx, u.body(content))
		switch {
		case err != nil && !sent:
			return cordon.Delivery{}, fmt.Errorf("%w: %w", cordon.ErrNotSent, err)
		case err != nil:
			return cordon.Delivery{}, err
		}
		if away = u.leads(resp); away != nil {
			return cordon.Delivery{}, fmt.Errorf("%w: status %d: %w", cordon.ErrRefusedUpstream, resp.StatusCode, away)
		}
		a, err := readAnswer(resp)
		if err != nil {
			return cordon.Delivery{}, err // the status came and the rest was lost
		}
		got = a
		return u.delivery(a)
	})
	if away != nil {
		return g.withReceipt(away, item.ID)
	}
	if got != nil {
		// The CRM has spoken. Whatever the record still lacks is settled behind the scenes;
		// another answer would make the client write the file twice.
		if err != nil {
			g.log.Warn("the outcome of a write is not on record yet", "tenant", u.tenant.ID, "receipt", item.ID, "cause", err)
		}
		if got.status == http.StatusUnauthorized {
			u.tenant.callers.forget(u.creds)
		}
		u.relay(got)
		return nil
	}
	switch {
	case err == nil && after.State == cordon.Delivered:
		// The answer was lost, and Cordon found by looking that the file is there.
		return u.repeat(after)
	case errors.Is(err, cordon.ErrNotSent), err == nil && after.State == cordon.Released, err == nil && after.State == cordon.Held:
		return &refusal{status: http.StatusServiceUnavailable, code: salesforce.CodeUnavailable, receipt: item.ID, wait: g.conf.RetryAfter, cause: err,
			message: fmt.Sprintf("The gateway could not reach Salesforce, and the file was not written. Receipt %s.", item.ID)}
	case err == nil || after.State == cordon.Unsettled:
		return &refusal{status: http.StatusInternalServerError, code: salesforce.CodeUnknown, receipt: item.ID, cause: err,
			message: fmt.Sprintf("Salesforce did not answer, so it is not known whether the file was written. "+
				"It is being looked into; ask about receipt %s before sending the file again.", item.ID)}
	}
	return g.withReceipt(err, item.ID)
}

// body writes the upload anew, in the form the client chose.
func (u *upload) body(content cordon.Content) salesforce.Body {
	fields := u.fields
	if u.staged.Key != "" {
		fields = salesforce.SetField(fields, salesforce.KeyField, u.staged.Key)
	}
	if u.multipart {
		name := u.fileName
		if name == "" {
			name = salesforce.FileName(u.staged)
		}
		return salesforce.MultipartBody(fields, u.target.blob, name, content)
	}
	return salesforce.JSONBody(fields, u.target.blob.BlobField(), content)
}

// delivery reads what a write made, and whether it did.
func (u *upload) delivery(a *upstreamAnswer) (cordon.Delivery, error) {
	switch {
	case a.status >= 200 && a.status < 300:
		var made struct {
			ID string `json:"id"`
		}
		json.Unmarshal(a.body, &made) // 204 has no body, XML answers no JSON
		if made.ID == "" && !strings.Contains(u.target.record, "/") {
			made.ID = u.target.record
		}
		if made.ID == "" {
			made.ID = xmlID(a.body)
		}
		if made.ID == "" && u.op != cordon.OpUpdate {
			return cordon.Delivery{}, errors.New("the CRM says that the file is there and does not say as what")
		}
		return cordon.Delivery{ID: made.ID}, nil
	case a.status < 500:
		return cordon.Delivery{}, fmt.Errorf("%w: status %d %s", cordon.ErrRefusedUpstream, a.status, errorCode(a.body))
	case a.status == http.StatusServiceUnavailable && errorCode(a.body) != "":
		// A 503 of the platform itself comes before it works on a request. One of a machine in
		// between may come after, and is not taken for a refusal.
		return cordon.Delivery{}, fmt.Errorf("%w: status 503 %s", cordon.ErrRefusedUpstream, errorCode(a.body))
	}
	return cordon.Delivery{}, fmt.Errorf("the CRM answered %d, which does not say whether the write is there", a.status)
}

func errorCode(body []byte) string {
	if errs := salesforce.ParseErrors(body); len(errs) > 0 {
		return errs[0].ErrorCode
	}
	return ""
}

// xmlID finds the id in <Result><id>…</id>…, which callers that accept only XML get.
func xmlID(body []byte) string {
	_, rest, _ := strings.Cut(string(body), "<id>")
	id, _, _ := strings.Cut(rest, "</id>")
	if !salesforce.IsID(id) {
		return ""
	}
	return id
}

// roundTrip sends a body that was written anew to where the client sent its own. sent is false
// only when it is certain that the upstream saw nothing of the request.
func (u *upload) roundTrip(ctx context.Context, body salesforce.Body) (resp *http.Response, sent bool, err error) {
	var watch salesforce.Sent
	req, err := http.NewRequestWithContext(watch.Watch(ctx), u.method, u.tenant.upstream(u.target.address(u.path), u.query).String(), nil)
	if err != nil {
		return nil, false, err
	}
	req.Header = endToEnd(u.in.Header)
	req.Header.Set("Accept-Encoding", "identity") // the answer is short, and it is read here
	body.Attach(req)
	forwardedFor(req.Header, u.in)
	resp, err = u.tenant.transport.RoundTrip(req)
	if err == nil {
		u.tenant.cors.learn(u.in, resp)
	}
	return resp, watch.Any(), err
}

// address is the canonical path without a format suffix, with the object as the platform spells it.
func (t target) address(path string) string {
	if t.class != classMedia {
		return path
	}
	address := "/services/data/v" + t.version + "/sobjects/" + t.object
	if t.record != "" {
		address += "/" + t.record
	}
	return address
}

// notSent lists hop-by-hop headers, which concern one connection only (RFC 9110, 7.6.1); the rest of the list describes
// the client's own body, which is not sent on.
var notSent = []string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade", "Expect",
	"Content-Length", "Content-Type", "Content-Encoding", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"}

// endToEnd copies the headers that travel with a request whose body is written anew.
func endToEnd(in http.Header) http.Header {
	h := in.Clone()
	for _, line := range in["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range notSent {
		delete(h, name)
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = []string{""} // none of our own
	}
	return h
}

// readAnswer reads the whole of an answer to a write.
func readAnswer(resp *http.Response) (*upstreamAnswer, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer to a write is longer than %d bytes", maxAnswer)
	}
	return &upstreamAnswer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// relay gives the CRM's answer to the client.
func (u *upload) relay(a *upstreamAnswer) {
	h := u.w.Header()
	for name, values := range endToEnd(a.header) {
		h[name] = values
	}
	h["Content-Type"] = a.header["Content-Type"]
	if enc, ok := a.header["Content-Encoding"]; ok {
		h["Content-Encoding"] = enc
	}
	delete(h, "User-Agent")
	u.tenant.cors.expose(u.in, h)
	if a.status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	u.w.WriteHeader(a.status)
	u.w.Write(a.body)
}
