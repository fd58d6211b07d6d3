package sim

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const soapHead = `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com" xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns:sn="urn:sobject.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>`
const soapTail = `</soapenv:Body></soapenv:Envelope>`

// soap answers the few calls of the SOAP API that clients of the REST API still make.
func (o *Org) soap(w *exchange, r *http.Request, version string) {
	fail := func(status int, code, message string) {
		w.soapWrite(status, fmt.Sprintf(`<soapenv:Fault><faultcode>sf:%[1]s</faultcode><faultstring>%[1]s: %[2]s</faultstring>`+
			`<detail><sf:%[3]s xsi:type="sf:%[3]s"><sf:exceptionCode>%[1]s</sf:exceptionCode><sf:exceptionMessage>%[2]s</sf:exceptionMessage></sf:%[3]s></detail></soapenv:Fault>`,
			code, escapeXML(message), faultName(code)))
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := inflate(r)
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(body, maxInline+1))
	}
	var root *node
	if err == nil {
		root, err = parseXML(text)
	}
	if err != nil || len(text) > maxInline || root.child("Body") == nil || len(root.child("Body").kids) == 0 {
		fail(http.StatusInternalServerError, "UNKNOWN_EXCEPTION", "the envelope could not be read")
		return
	}
	verb := root.child("Body").kids[0]
	number, err := strconv.ParseFloat(version, 64)
	if err != nil || number > newestServed || number < oldestServed {
		fail(http.StatusInternalServerError, "UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
		return
	}
	if verb.name == "login" {
		// https://help.salesforce.com: login() is gone from version 65 on.
		if number >= 65 {
			fail(http.StatusInternalServerError, "UNSUPPORTED_API_VERSION", "SOAP API login() is not supported in API version 65.0 and later.")
			return
		}
		o.soapLogin(w, r, verb, version, fail)
		return
	}
	token := root.child("Header").child("SessionHeader").value("sessionId")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	s, f := o.authorize(w, r)
	if f != nil {
		fail(http.StatusInternalServerError, f.code, "Invalid Session ID found in SessionHeader: Illegal Session")
		return
	}
	o.mu.Lock()
	t := o.begin(s.who)
	t.version, t.instance = version, o.address(r)
	out, f := t.soapCall(verb, token, root.child("Header").child("AllOrNoneHeader").value("allOrNone") == "true")
	if f != nil {
		t.rollback(0)
	}
	o.mu.Unlock()
	t.tell()
	if f != nil {
		fail(http.StatusInternalServerError, f.code, f.message)
		return
	}
	w.soapWrite(http.StatusOK, "<"+verb.name+"Response>"+out+"</"+verb.name+"Response>")
}

func faultName(code string) string {
	switch code {
	case "INVALID_LOGIN":
		return "LoginFault"
	case "INVALID_TYPE", "INVALID_FIELD", "MALFORMED_QUERY":
		return "ApiQueryFault"
	}
	return "UnexpectedErrorFault"
}

func (x *exchange) soapWrite(status int, body string) {
	x.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	x.WriteHeader(status)
	io.WriteString(x, soapHead+body+soapTail)
}

func (o *Org) soapLogin(w *exchange, r *http.Request, verb *node, version string, fail func(int, string, string)) {
	o.mu.Lock()
	who := o.signIn(verb.value("username"), verb.value("password"))
	token := ""
	if who != nil {
		token = o.issue(&session{who: who})
	}
	org := o.orgID
	o.mu.Unlock()
	if who == nil {
		fail(http.StatusInternalServerError, "INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")
		return
	}
	w.line.User = who.Username
	base := o.address(r)
	kind := "u"
	if strings.Contains(strings.ToLower(r.URL.Path), "/soap/c") {
		kind = "c"
	}
	w.soapWrite(http.StatusOK, "<loginResponse><result>"+
		"<metadataServerUrl>"+base+"/services/Soap/m/"+version+"/"+org[:15]+"</metadataServerUrl>"+
		"<passwordExpired>false</passwordExpired><sandbox>true</sandbox>"+
		"<serverUrl>"+base+"/services/Soap/"+kind+"/"+version+"/"+org[:15]+"</serverUrl>"+
		"<sessionId>"+token+"</sessionId><userId>"+who.id+"</userId>"+o.soapUser(who)+"</result></loginResponse>")
}

func (o *Org) soapUser(p *person) string {
	return "<userInfo><organizationId>" + o.OrgID() + "</organizationId><organizationName>" + escapeXML(o.conf.Name) + "</organizationName>" +
		"<sessionSecondsValid>" + strconv.Itoa(int(o.conf.TokenLife.Seconds())) + "</sessionSecondsValid><userEmail>" + escapeXML(p.Username) +
		"</userEmail><userFullName>" + escapeXML(strings.TrimSpace(p.FirstName+" "+p.LastName)) + "</userFullName><userId>" + p.id +
		"</userId><userLanguage>en_US</userLanguage><userLocale>en_US</userLocale><userName>" + escapeXML(p.Username) +
		"</userName><userTimeZone>GMT</userTimeZone><userType>Standard</userType></userInfo>"
}

// soapCall carries out one call and returns the inside of its response.
func (t *tx) soapCall(verb *node, token string, allOrNone bool) (string, *fault) {
	each := func(items []*node, f func(n *node) (string, error)) string {
		var out strings.Builder
		start := t.mark()
		failed := false
		results := make([]string, len(items))
		faults := make([]*fault, len(items))
		for i, n := range items {
			if faults[i] = t.attempt(func() (err error) { results[i], err = f(n); return err }); faults[i] != nil {
				failed = true
			}
		}
		if failed && allOrNone {
			t.rollback(start)
		}
		for i := range items {
			f := faults[i]
			if f == nil && failed && allOrNone {
				f = rolledBack()
			}
			if f == nil {
				fmt.Fprintf(&out, "<result><id>%s</id><success>true</success></result>", results[i])
				continue
			}
			fmt.Fprintf(&out, `<result><errors><message>%s</message><statusCode>%s</statusCode></errors><id xsi:nil="true"/><success>false</success></result>`,
				escapeXML(f.message), f.code)
		}
		return out.String()
	}
	var items []*node
	for _, k := range verb.kids {
		if k.name == "ids" || k.name == "sObjects" {
			items = append(items, k)
		}
	}
	if len(items) > 200 {
		return "", newFault(500, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records in this call")
	}
	id := func(n *node) string { return strings.TrimSpace(n.text) }
	switch verb.name {
	case "logout":
		delete(t.o.sessions, token)
		return "", nil
	case "getServerTimestamp":
		return "<result><timestamp>" + t.now.Format("2006-01-02T15:04:05.000Z") + "</timestamp></result>", nil
	case "create":
		return each(items, func(n *node) (string, error) {
			e := t.o.schema.entity(n.value("type"))
			in, is := n.plain().(map[string]any)
			if e == nil || !is {
				return "", newFault(400, "INVALID_TYPE", "sObject type '%s' is not supported.", n.value("type"))
			}
			delete(in, "type")
			return t.create(e, in)
		}), nil
	case "delete":
		return each(items, func(n *node) (string, error) {
			e := t.o.schema.byPrefix(id(n))
			if e == nil {
				return "", newFault(400, "MALFORMED_ID", "malformed id %.80s", id(n))
			}
			return id(n), t.remove(e, id(n))
		}), nil
	case "undelete":
		return each(items, func(n *node) (string, error) { return id(n), t.undelete(id(n)) }), nil
	case "emptyRecycleBin":
		return each(items, func(n *node) (string, error) { return id(n), t.purge(id(n)) }), nil
	}
	return "", newFault(500, "UNKNOWN_EXCEPTION", "Operation %s is not simulated", verb.name)
}
