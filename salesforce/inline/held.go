package inline

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// held answers a write that is kept back until a person has looked at it.
func (u *upload) held(ctx context.Context, item cordon.Item, route cordon.Route) error {
	if route.WhenHeld == cordon.AnswerStage {
		staged, err := u.stage(ctx, item)
		if err == nil {
			u.created(staged.ID)
			return nil
		}
		u.gateway.log.Warn("a held file is refused instead of staged", "tenant", u.tenant.ID, "receipt", item.ID, "cause", err)
	}
	return u.heldBack(item)
}

// heldBack is the refusal of a held file. It accuses nobody: a hold is a question.
func (u *upload) heldBack(item cordon.Item) error {
	f := refusalf(http.StatusBadRequest, salesforce.CodeValidation,
		"The file was received and is kept for review before it is stored. Nobody needs to send it again. Quote receipt %s to ask about it.", item.ID)
	f.fields, f.receipt = []string{u.target.blob.BlobField()}, item.ID
	return f
}

// turnedAway answers where checks had no time to begin, and on a route that refuses when a check
// is silent. Nothing was kept.
func (g *Gateway) turnedAway(item cordon.Item) error {
	f := refusalf(http.StatusServiceUnavailable, salesforce.CodeUnavailable,
		"The file could not be examined just now, and nothing of it was kept. Please send it again later. Receipt %s.", item.ID)
	f.receipt, f.wait = item.ID, g.conf.RetryAfter
	return f
}

// repeat answers a request that an earlier item already answers.
func (u *upload) repeat(item cordon.Item) error {
	say := func(status int, code, format string) error {
		f := refusalf(status, code, format, item.ID)
		f.fields, f.receipt = []string{u.target.blob.BlobField()}, item.ID
		if status == http.StatusServiceUnavailable {
			f.wait = u.gateway.conf.RetryAfter
		}
		return f
	}
	switch item.State {
	case cordon.Held:
		if item.UpstreamID != "" { // a placeholder stands there
			u.created(item.UpstreamID)
			return nil
		}
		return u.heldBack(item)
	case cordon.Delivered, cordon.Kept, cordon.Restored:
		if u.op == cordon.OpUpdate {
			u.allowOrigin()
			u.w.WriteHeader(http.StatusNoContent)
			return nil
		}
		if item.UpstreamID != "" {
			u.created(item.UpstreamID)
			return nil
		}
		return say(http.StatusConflict, salesforce.CodeDuplicate, "The file was stored before. Quote receipt %s to ask about it.")
	case cordon.Rejected:
		return say(http.StatusBadRequest, salesforce.CodeValidation,
			"The file was reviewed and is not stored. Quote receipt %s to ask why or to have it looked at again.")
	case cordon.RefusedUpstream:
		return say(http.StatusBadRequest, salesforce.CodeValidation,
			"Salesforce did not take the file when it was first sent. Quote receipt %s to ask about it, or send it as a new request.")
	case cordon.Unsettled:
		return say(http.StatusConflict, salesforce.CodeUnknown,
			"It is not known yet whether Salesforce has the file; it is being looked into. Quote receipt %s to ask about it.")
	case cordon.Received, cordon.Inspected, cordon.Released, cordon.Forwarding:
		return say(http.StatusServiceUnavailable, salesforce.CodeUnavailable,
			"The file was received and is on its way. Receipt %s. Ask again shortly.")
	}
	return say(http.StatusBadRequest, salesforce.CodeValidation, "The file was received before and is no longer stored. Quote receipt %s to ask about it.")
}

// created answers as the platform answers a create, with an id that exists upstream.
func (u *upload) created(id string) {
	u.allowOrigin()
	h := u.w.Header()
	var body []byte
	if u.target.xml || wantsXML(u.in) {
		h.Set("Content-Type", "application/xml;charset=UTF-8")
		body = fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?><Result><id>%s</id><success>true</success></Result>`, id)
	} else {
		h.Set("Content-Type", "application/json;charset=UTF-8")
		body, _ = json.Marshal(struct {
			ID      string   `json:"id"`
			Success bool     `json:"success"`
			Errors  []string `json:"errors"`
		}{id, true, []string{}})
	}
	h.Set("Location", "/services/data/v"+u.target.version+"/sobjects/"+u.target.object+"/"+id)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	u.w.WriteHeader(http.StatusCreated)
	u.w.Write(body)
}
