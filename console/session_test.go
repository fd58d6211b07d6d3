package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestStrangersAreSentToSignIn(t *testing.T) {
	c := newConsole(t)
	v := c.visitor(t)
	page := v.get("/holds?route=a%26b")
	if v.last.Request.URL.Path != "/sign-in" || v.last.Request.URL.Query().Get("next") != "/holds?route=a%26b" {
		t.Errorf("ended at %s", v.last.Request.URL)
	}
	wants(t, page, `autocomplete="current-password"`, `value="/holds?route=a%26b"`)
	lacks(t, page, "Sign out")
	if v.get(v.item() + "/preview"); v.last.StatusCode != http.StatusUnauthorized {
		t.Errorf("a picture answers a stranger with %d", v.last.StatusCode)
	}
}

func TestSignInSlowsGuessingDown(t *testing.T) {
	c := newConsole(t)
	v := c.visitor(t)
	for range 5 {
		page := v.post("/sign-in", url.Values{"login": {"rhea"}, "password": {"wrong"}})
		if v.last.StatusCode != http.StatusForbidden {
			t.Fatalf("wrong password: %d", v.last.StatusCode)
		}
		wants(t, page, "The login or the password is not right", `value="rhea"`)
		lacks(t, page, "wrong\"")
	}
	page := v.post("/sign-in", url.Values{"login": {"rhea"}, "password": {reviewerPassword}})
	if v.last.StatusCode != http.StatusTooManyRequests || v.last.Header.Get("Retry-After") == "" {
		t.Fatalf("the right password after five wrong ones: %d", v.last.StatusCode)
	}
	wants(t, page, "too many wrong passwords")
	// Others are not kept out by it.
	c.signedIn(t, "otto", auditorPassword)
}

func TestProgramsDoNotSignIn(t *testing.T) {
	v := newConsole(t).visitor(t)
	wants(t, v.post("/sign-in", url.Values{"login": {"flow"}, "password": {"slow-copper-wave"}}), "This account is for programs.")
}

func TestSessionCookie(t *testing.T) {
	c := newConsole(t)
	v := c.visitor(t)
	v.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	v.post("/sign-in", url.Values{"login": {"RHEA "}, "password": {reviewerPassword}, "next": {"//evil.example/"}})
	if v.last.StatusCode != http.StatusSeeOther || v.last.Header.Get("Location") != "/" {
		t.Errorf("signing in leads to %q", v.last.Header.Get("Location"))
	}
	got := v.last.Cookies()
	if len(got) != 2 { // the session, and the browser that is known by now
		t.Errorf("cookies %v", got)
	}
	for _, c := range got {
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
			t.Errorf("cookie %v", c)
		}
	}
	public, err := http.NewRequest("GET", "http://console.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	public.Host = "console.example"
	if cookie := c.cookie(public); !cookie.Secure || cookie.Name != cookieTLS {
		t.Errorf("beyond loopback the cookie is %v", cookie)
	}
}

func TestSessionsEnd(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	w := c.signedIn(t, "rhea", reviewerPassword)
	v.post("/sign-out", url.Values{"token": {v.token()}})
	if v.get("/"); v.last.Request.URL.Path != "/sign-in" {
		t.Error("signed out, and still inside")
	}
	if w.get("/"); w.last.Request.URL.Path != "/" {
		t.Error("signing out in one browser ended the other")
	}
	c.now = func() time.Time { return morning.Add(11 * time.Hour) }
	if w.get("/"); w.last.Request.URL.Path != "/sign-in" {
		t.Error("the session has no end")
	}
}

func TestForeignFormsAreRefused(t *testing.T) {
	c := newConsole(t)
	v := c.signedIn(t, "rhea", reviewerPassword)
	good := v.token()
	other := c.signedIn(t, "rhea", reviewerPassword).token()
	for _, test := range []struct {
		name, token  string
		header, says string
	}{
		{"without token", "", "Origin", c.url},
		{"with another session's token", other, "Origin", c.url},
		{"from another origin", good, "Origin", "https://evil.example"},
		{"from another site", good, "Sec-Fetch-Site", "cross-site"},
		{"from a sister host", good, "Sec-Fetch-Site", "same-site"},
	} {
		req, err := http.NewRequest("POST", c.url+v.item()+"/decide", strings.NewReader(url.Values{"token": {test.token}, "outcome": {"genuine"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set(test.header, test.says)
		if page := v.do(req); v.last.StatusCode != http.StatusForbidden || !strings.Contains(page, "Nothing was changed.") {
			t.Errorf("a form %s is answered with %d", test.name, v.last.StatusCode)
		}
	}
	if state := c.view(t).Item.State; state != "held" {
		t.Errorf("a foreign form moved the item to %s", state)
	}
}

func TestSafeNext(t *testing.T) {
	for in, want := range map[string]string{
		"/holds?state=held": "/holds?state=held", "": "/", "https://evil.example/": "/", "//evil.example": "/",
		"/\\evil.example": "/", "javascript:alert(1)": "/", "holds": "/", "/a\r\nb": "/", "/%0d%0ax": "/%0d%0ax",
	} {
		if got := safeNext(in); got != want {
			t.Errorf("safeNext(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzSafeNext(f *testing.F) {
	for _, seed := range []string{"/holds?state=held", "//evil.example", "/\\evil.example", "https:evil.example", "/%2f/evil.example", "/..//evil.example", "\t//evil.example"} {
		f.Add(seed)
	}
	home, err := url.Parse("https://console.example/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := safeNext(next)
		to, err := home.Parse(got)
		if err != nil || to.Host != home.Host || to.Scheme != home.Scheme || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n") {
			t.Errorf("safeNext(%q) = %q leads to %v, %v", next, got, to, err)
		}
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest("POST", home.String(), nil), got, http.StatusSeeOther)
		if to, err = home.Parse(w.Header().Get("Location")); err != nil || to.Host != home.Host {
			t.Errorf("signing in leads from %q to %v, %v", next, to, err)
		}
	})
}
