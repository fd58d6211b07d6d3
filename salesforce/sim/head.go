package sim

import (
	"io"
	"net/http"
)

// maxHead is how many bytes the address of a request may have, and the address with its
// headers. The web server in front of the API answers beyond it, so the answers are pages.
// https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_api.htm
const maxHead = 16_384

// headTooLong answers a request whose address or headers are too long, and says so.
func (x *exchange) headTooLong(r *http.Request) bool {
	address := r.RequestURI
	if address == "" {
		address = r.URL.RequestURI()
	}
	all := len(address) + len("Host: \r\n") + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			all += len(name) + len(": \r\n") + len(v)
		}
	}
	status, page := 0, ""
	switch {
	case len(address) > maxHead:
		status, page = http.StatusRequestURITooLong, "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>"
	case all > maxHead:
		status, page = http.StatusRequestHeaderFieldsTooLarge, "<h1>Bad Message 431</h1><pre>reason: Request Header Fields Too Large</pre>"
	default:
		return false
	}
	io.CopyN(io.Discard, r.Body, 64<<20)
	x.Header().Set("Content-Type", "text/html;charset=iso-8859-1")
	x.WriteHeader(status)
	io.WriteString(x, page)
	return true
}
