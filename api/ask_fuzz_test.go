package api

import (
	"strings"
	"testing"
)

// FuzzAsk sends what a stranger with a token could send. Whatever it is, it is judged, refused
// for a reason, and never an error of our own; and what is refused leaves nothing.
func FuzzAsk(f *testing.F) {
	f.Add("image/jpeg", `attachment; filename="a.jpg"`, "route=wound-photos", "bytes")
	f.Add("multipart/form-data; boundary=b", "", "", "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nbytes\r\n--b--\r\n")
	f.Add("multipart/form-data; boundary=b", "", "", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nbytes\r\n--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx\r\n--b--\r\n")
	f.Add("multipart/form-data; boundary=b", "", "name=%ff&subject=", "--b\r\n\r\n--b--")
	f.Add("", "inline; filename*=UTF-8''%e2%82%ac", "callback_url=https://evil.example", "")
	a := newAPI(f, Config{MaxBody: 1 << 16})
	f.Fuzz(func(t *testing.T, kind, disposition, query, body string) {
		a.t = t
		if strings.ContainsAny(query, " #") || strings.ContainsFunc(query, func(r rune) bool { return r < ' ' || r > '~' }) {
			return // no request line could carry it
		}
		before := a.total(t)
		w := a.call("mule", "POST", "/v1/items?"+query, body, "Content-Type", kind, "Content-Disposition", disposition)
		made := a.total(t) - before
		switch {
		case w.Code == 200 && made == 1:
			verified(t, a, decode[askedBody](t, w).Signed)
		case w.Code == 400 && made == 0, w.Code == 413 && made == 0:
		default:
			t.Errorf("answered %d with %d items made: %s", w.Code, made, w.Body)
		}
	})
}
