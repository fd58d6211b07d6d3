package inline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/salesforce"
)

// upload takes a write of an object that carries a file: may the caller, what is it, may it pass.
func (g *Gateway) upload(c *call) error {
	media, params, err := mediaType(c.in.Header.Get("Content-Type"))
	if err != nil {
		return g.refused(c, err)
	}
	limit := g.conf.MaxJSON
	switch {
	case media == "multipart/form-data":
		limit = g.conf.MaxMultipartOther
		if c.target.blob.MaxMultipart == salesforce.MaxMultipartVersion {
			limit = g.conf.MaxMultipartVersion
		}
	case media == "" || isJSON(media):
	case media == "application/xml" || media == "text/xml":
		c.target.xml = true
		return g.refused(c, refusalf(http.StatusUnsupportedMediaType, salesforce.CodeXML,
			"Files are not taken as XML by this gateway. Send the record as JSON or as multipart/form-data."))
	default:
		return g.refused(c, unsupportedType(media))
	}

	stay, err := g.admit(c)
	if err != nil {
		return g.refused(c, err)
	}
	defer stay.leave()
	u := &upload{call: c, op: c.target.op(c.method)}
	if err := u.mayWrite(); err != nil {
		return g.refused(c, err)
	}
	body, err := g.openBody(c, limit)
	if err != nil {
		return g.refused(c, err)
	}
	spool := func(r io.Reader) (cordon.Spooled, error) { return g.line.Spool(c.in.Context(), c.tenant.ID, r) }
	if media == "multipart/form-data" {
		u.parsed, err = parseMultipart(body, params["boundary"], c.target.blob, &g.conf, spool)
	} else {
		u.parsed, err = parseJSON(inCharset(body, params), c.target.blob, g.conf.MaxFields, spool)
	}
	if err == nil {
		err = drained(body)
	}
	if err == nil {
		err = stay.arrived()
	}
	if err != nil {
		if u.hasBlob {
			g.line.Discard(context.WithoutCancel(c.in.Context()), u.spooled)
		}
		return g.refused(c, u.inOrgsWords(err))
	}
	if u.hasBlob && !u.multipart && u.spooled.Size == 0 {
		// To the platform "" is no value. It says itself what follows.
		g.line.Discard(context.WithoutCancel(c.in.Context()), u.spooled)
		u.hasBlob, u.fields = false, append(u.fields, cordon.Field{Name: u.target.blob.BlobField(), Value: []byte(`""`)})
	}
	if !u.hasBlob {
		return u.fieldsOnly()
	}
	if err := u.refusedFields(); err != nil {
		g.line.Discard(context.WithoutCancel(c.in.Context()), u.spooled)
		return g.refused(c, err)
	}
	return u.run()
}

// drained reads what a parser left behind the end of the form, within the body's limits.
func drained(body io.Reader) error {
	_, err := io.Copy(io.Discard, body)
	return err
}

// refused counts an answer that kept a write back, and hands the error on.
func (g *Gateway) refused(c *call, err error) error {
	g.line.Touch(c.tenant.ID, c.routeName(), touchRefused)
	return err
}

// route finds the declared way in that the call takes.
func (c *call) route() cordon.Route {
	creds, _ := credentialsOf(c.in)
	return cordon.FindRoute(c.tenant.Routes, cordon.Call{Host: hostName(c.host), Path: c.path, Object: c.target.object,
		Client: c.tenant.callers.clientOf(c.in.Context(), creds)})
}

func (c *call) routeName() string { return c.route().Name }

// upload is one write of a file under way.
type upload struct {
	*call
	parsed
	creds  credentials
	object *salesforce.Description // what the CRM says of the object to the caller
	person person
	op     cordon.Operation
	staged cordon.Staged
}

// mayWrite asks the CRM whether the caller may write the object at all, before a byte is kept.
func (u *upload) mayWrite() error {
	g, t := u.gateway, u.tenant
	creds, ok := credentialsOf(u.in)
	if !ok {
		return refusalf(http.StatusUnauthorized, salesforce.CodeSession, "Session expired or invalid")
	}
	u.creds = creds
	if g.conf.Quota != nil {
		if wait := g.conf.Quota(t.ID, t.callers.key(creds)); wait > 0 {
			f := refusalf(http.StatusForbidden, salesforce.CodeLimit, "Too many uploads of this caller. Try again later.")
			f.wait = wait
			return f
		}
	}
	var err error
	if u.object, err = t.callers.describe(u.in.Context(), creds, u.target.version, u.target.object); err != nil {
		return err
	}
	if err := u.refusedTarget(); err != nil {
		return err
	}
	u.person = t.callers.personOf(u.in.Context(), creds)
	return nil
}

// fieldsOnly passes a write that has no file in it, as it was understood.
func (u *upload) fieldsOnly() error {
	what := touchPassed
	for _, f := range u.fields {
		switch {
		case strings.EqualFold(f.Name, salesforce.FieldContentBodyID) && string(f.Value) != "null":
			return u.gateway.notInspectedOr(u.call, "the record takes its content from one uploaded apart from it (ContentBodyId)",
				u.emitFields, u.refusedFields)
		case strings.EqualFold(f.Name, salesforce.FieldContentURL):
			what = touchNotInspected // a link is no file, but what it leads to nobody looked at
		}
	}
	u.gateway.line.Touch(u.tenant.ID, u.routeName(), what)
	return u.emitFields()
}

func (u *upload) emitFields() error {
	u.staged = cordon.Staged{Op: u.op, Object: u.target.object, Fields: u.fields}
	body := salesforce.JSONBody(u.fields, "", nil)
	resp, _, err := u.roundTrip(u.in.Context(), body)
	if err != nil {
		return unreachable(err)
	}
	if err := u.leads(resp); err != nil {
		return err
	}
	a, err := readAnswer(resp)
	if err != nil {
		return unreachable(err)
	}
	u.relay(a)
	return nil
}

// run receives, judges and forwards a file whose bytes are at rest.
func (u *upload) run() error {
	g, t := u.gateway, u.tenant
	// The bytes are here; whether the client still waits no longer decides what becomes of them.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(u.in.Context()), g.conf.WriteTimeout)
	defer cancel()
	route := u.route()
	item, repeated, err := g.line.Receive(ctx, u.arrival(route), u.spooled)
	if err != nil {
		return g.refused(u.call, g.withReceipt(err, ""))
	}
	u.w.Header().Set(ReceiptHeader, string(item.ID))
	g.line.Touch(t.ID, route.Name, touchInspected)
	if repeated {
		return u.repeat(item)
	}
	var refused error
	judged, err := g.line.Judge(ctx, item, func(ctx context.Context) (code string) {
		if refused = u.wouldRefuse(ctx); refused != nil {
			code = codeOf(refused)
		}
		return code
	})
	switch {
	case err != nil && route.Mode != cordon.ModeShadow:
		return g.withReceipt(err, item.ID)
	case err != nil:
		g.log.Warn("a file on a shadow route passes unjudged", "tenant", t.ID, "receipt", item.ID, "cause", err)
	default:
		item = judged
	}
	if !mayForward(item, route) {
		if item.State == cordon.Erased {
			if refused != nil { // nothing was kept, so there is nothing to ask about
				u.w.Header().Del(ReceiptHeader)
				return g.refused(u.call, refused)
			}
			return g.turnedAway(item)
		}
		if item.State != cordon.Held {
			return g.withReceipt(fmt.Errorf("the line left the item in state %q", item.State), item.ID)
		}
		return u.held(ctx, item, route)
	}
	return u.forward(ctx, item)
}

// mayForward reports whether a judged item goes on to the CRM.
func mayForward(item cordon.Item, route cordon.Route) bool {
	if route.Mode == cordon.ModeShadow {
		return item.State.CanBecome(cordon.Forwarding)
	}
	switch item.State {
	case cordon.Inspected:
		return item.Verdict != nil && !item.Verdict.Action.Holds()
	case cordon.Received:
		return route.Fail == cordon.FailPassAndRescan
	}
	return false
}

// arrival says what is known of the upload.
func (u *upload) arrival(route cordon.Route) cordon.Arrival {
	t := u.target
	u.staged = cordon.Staged{Op: u.op, Object: t.object, BlobField: t.blob.BlobField(), RecordID: t.record,
		APIVersion: t.version, Fields: u.fields, Owner: u.person.id}
	if u.op == cordon.OpCreate && salesforce.StringField(u.staged, salesforce.FieldDocumentID) != "" {
		u.op, u.staged.Op = cordon.OpNewVersion, cordon.OpNewVersion
	}
	if key, has := u.object.Field(salesforce.KeyField); has && (u.op == cordon.OpUpdate && key.Updateable || u.op != cordon.OpUpdate && key.Createable) {
		u.staged.Key = string(cordon.NewID("ck"))
	}
	name := salesforce.FileName(u.staged)
	if name == "file" && u.fileName != "" {
		name = u.fileName
	}
	subject := ""
	if t.blob.SubjectField != "" {
		subject = salesforce.LongID(salesforce.StringField(u.staged, t.blob.SubjectField))
	}
	return cordon.Arrival{
		Tenant: u.tenant.ID, Route: route,
		Client:       u.tenant.callers.clientOf(u.in.Context(), u.creds),
		CallerKey:    u.callerKey(),
		DeclaredType: u.declaredType(name),
		Object:       t.object, Op: u.op,
		Personal: cordon.Personal{
			Name: name, Subject: subject, Address: u.gateway.addressOf(u.in), UserAgent: u.in.UserAgent(),
			UserID: u.person.id, Username: u.person.name,
			SHA256: hex.EncodeToString(u.spooled.SHA256[:]), Staged: u.staged,
		},
		IdempotencyKey: u.in.Header.Get("Idempotency-Key"),
	}
}

// callerKey is the user where the CRM named one, since tokens come and go, else the token.
func (u *upload) callerKey() string {
	if u.person.id != "" {
		return "user:" + u.person.id
	}
	sum := sha256.Sum256([]byte("cordon caller\x00" + u.creds.token()))
	return "token:" + hex.EncodeToString(sum[:])
}

// declaredType is the media type that the sender named, in whatever place.
func (u *upload) declaredType(name string) string {
	declared := u.declared
	if declared == "" {
		declared = salesforce.StringField(u.staged, "ContentType") // of Attachment and Document
	}
	if declared == "" {
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			declared = mime.TypeByExtension(name[i:])
		}
	}
	media, _, err := mime.ParseMediaType(declared)
	if err != nil {
		return ""
	}
	return media
}

// answerNative relays an answer of the CRM about the caller.
func (g *Gateway) answerNative(c *call, err error) bool {
	var native *nativeAnswer
	if !errors.As(err, &native) {
		return false
	}
	h := c.w.Header()
	h.Set("Content-Type", native.contentType)
	if native.wait != "" {
		h.Set("Retry-After", native.wait)
	}
	c.w.WriteHeader(native.status)
	c.w.Write(native.body)
	return true
}
