package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/account"
)

// The cookie of a browser that came by TLS carries a prefix that keeps other hosts and plain
// HTTP from setting it. https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html
const (
	cookieTLS   = "__Host-cordon"
	cookiePlain = "cordon"
)

// cookie returns the session cookie without a value. Plain HTTP is for loopback only: browsers
// drop a Secure cookie elsewhere, so signing in over it does not work, as it should not.
func (s *Server) cookie(r *http.Request) *http.Cookie {
	c := &http.Cookie{Name: cookieTLS, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode}
	if r.TLS == nil && isLoopback(r.Host) {
		c.Name, c.Secure = cookiePlain, false
	}
	return c
}

// deviceLife is how long a browser may be known by which somebody signed in.
const deviceLife = 180 * 24 * time.Hour

// deviceCookie returns the cookie that tells a browser in which somebody signed in before from
// a stranger's. It opens nothing.
func (s *Server) deviceCookie(r *http.Request) *http.Cookie {
	c := s.cookie(r)
	c.Name += "-device"
	return c
}

func isLoopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// identify finds out who is signed in. Nobody is no error.
func (s *Server) identify(r *request) error {
	c, err := r.Cookie(s.cookie(r.Request).Name)
	if err != nil {
		return nil
	}
	tenant, login, until, err := s.Sessions.Session(r.Context(), digest(c.Value))
	// A session that something else than Cordon wrote is none; the store has said so.
	if errors.Is(err, cordon.ErrNotFound) || errors.Is(err, cordon.ErrForged) || err == nil && !s.now().Before(until) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read session: %w", err)
	}
	a, ok := s.Accounts.Account(tenant, login)
	if !ok {
		return nil // the account was taken out of the configuration
	}
	actor, err := s.Actors.ActorFor(r.Context(), tenant, a.Kind(), a.Login)
	if err != nil {
		return fmt.Errorf("find actor: %w", err)
	}
	r.account, r.actor, r.secret = a, actor, c.Value
	return nil
}

func digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// crossOrigin refuses forms that another site sent, by what the browser itself says.
var crossOrigin = http.NewCrossOriginProtection()

// checkForm is the second lock as well: a token that only our own page could have held.
// Signing in has no session to make one from, and stands on the first alone.
func (s *Server) checkForm(r *request) error {
	if err := crossOrigin.Check(r.Request); err != nil {
		return errForeignForm
	}
	if err := r.ParseForm(); err != nil {
		return fmt.Errorf("%w: the form cannot be read: %w", cordon.ErrInvalid, err)
	}
	if r.secret != "" && !hmac.Equal([]byte(r.PostForm.Get("token")), []byte(r.proof("form"))) && r.URL.Path != "/sign-in" {
		return errForeignForm
	}
	return nil
}

// proof is a token for one purpose that only holders of the session can have been given.
func (r *request) proof(purpose string) string {
	mac := hmac.New(sha256.New, []byte(r.secret))
	mac.Write([]byte("cordon console " + purpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// showLife is how long a preview stays clear after it was asked for.
const showLife = 10 * time.Minute

// grant permits this session to see one preview until a moment.
func (r *request) grant(id cordon.ID, until time.Time) string {
	at := strconv.FormatInt(until.Unix(), 10)
	return at + "." + r.proof("show "+string(id)+" "+at)
}

func (r *request) granted(id cordon.ID, grant string, now time.Time) bool {
	at, _, _ := strings.Cut(grant, ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	until := time.Unix(seconds, 0)
	return err == nil && now.Before(until) && hmac.Equal([]byte(grant), []byte(r.grant(id, until)))
}

// address is the caller's network address, for slowing down guesses.
func (s *Server) address(r *http.Request) string {
	if s.conf.TrustedProxy {
		forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if last := strings.TrimSpace(forwarded[len(forwarded)-1]); last != "" {
			return last
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

type signInPage struct {
	Next    string
	Login   string
	Problem string
}

func (s *Server) signInPage(w http.ResponseWriter, r *request) error {
	next := safeNext(r.URL.Query().Get("next"))
	if r.secret != "" {
		http.Redirect(w, r.Request, next, http.StatusSeeOther)
		return nil
	}
	return s.render(w, r, http.StatusOK, "sign-in", "Sign in", signInPage{Next: next})
}

func (s *Server) signIn(w http.ResponseWriter, r *request) error {
	p := signInPage{Next: safeNext(r.PostForm.Get("next")), Login: r.PostForm.Get("login")}
	try := account.Try{Login: p.Login, Password: r.PostForm.Get("password"), Address: s.address(r.Request)}
	if c, err := r.Cookie(s.deviceCookie(r.Request).Name); err == nil {
		try.Device = c.Value
	}
	a, err := s.Accounts.SignIn(r.Context(), try)
	if err != nil {
		s.Log.Warn("a sign-in was refused", "account", s.Accounts.Name(p.Login), "address", try.Address, "cause", err)
	}
	if tooMany, ok := errors.AsType[*account.TooManyError](err); ok {
		seconds := int(tooMany.Wait.Seconds()) + 1
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		p.Problem = "There were too many wrong passwords. Wait " + span(tooMany.Wait) + ", then try again. Your account itself is not locked."
		return s.render(w, r, http.StatusTooManyRequests, "sign-in", "Sign in", p)
	}
	if errors.Is(err, cordon.ErrForbidden) {
		p.Problem = "The login or the password is not right. Check both and try again."
		return s.render(w, r, http.StatusForbidden, "sign-in", "Sign in", p)
	}
	if err != nil {
		return err
	}
	if !a.May(account.Read) {
		p.Problem = "This account is for programs. Sign in with one that has a role for people."
		return s.render(w, r, http.StatusForbidden, "sign-in", "Sign in", p)
	}
	if r.secret != "" {
		// Best effort: the old session ends by itself as well.
		s.Sessions.DeleteSession(r.Context(), digest(r.secret))
	}
	secret := rand.Text() + rand.Text()
	until := s.now().Add(s.conf.SessionLife)
	if err := s.Sessions.PutSession(r.Context(), digest(secret), a.Tenant, a.Login, until); err != nil {
		return fmt.Errorf("begin session: %w", err)
	}
	c := s.cookie(r.Request)
	c.Value, c.MaxAge = secret, int(s.conf.SessionLife.Seconds())
	http.SetCookie(w, c)
	d := s.deviceCookie(r.Request)
	d.Value, d.MaxAge = s.Accounts.Device(a.Login), int(deviceLife.Seconds())
	http.SetCookie(w, d)
	http.Redirect(w, r.Request, p.Next, http.StatusSeeOther)
	return nil
}

func (s *Server) signOut(w http.ResponseWriter, r *request) error {
	if err := s.Sessions.DeleteSession(r.Context(), digest(r.secret)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	c := s.cookie(r.Request)
	c.MaxAge = -1
	http.SetCookie(w, c)
	http.Redirect(w, r.Request, "/sign-in", http.StatusSeeOther)
	return nil
}

// safeNext keeps a sign-in from leading to another site: only paths of our own are followed.
func safeNext(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

func queryEscape(s string) string { return url.QueryEscape(s) }
