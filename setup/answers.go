package setup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/cordonhq/cordon"
)

// Words that answers are chosen from.
const (
	Production, Sandbox    = "production", "sandbox"
	JWT, ClientCredentials = "jwt", "client-credentials"
	// Reads is enough to look beside the CRM; Writes is what a gateway in front of it needs.
	Reads, Writes = "read", "write"
)

// Answers are what a first configuration is made from.
type Answers struct {
	Org         string // the org's My Domain address
	Environment string // Production or Sandbox
	Auth        string // JWT or ClientCredentials
	ClientID    string // the connected app's consumer key; "" is filled in later
	Username    string // Cordon's user, for JWT; "" is filled in later
	Access      string // Reads or Writes
	Host        string // by which callers reach the gateway
	Tenant      string // short name of the org
	Dir         string // where to write
}

// Complete sets defaults and refuses what cannot be meant.
func (a *Answers) Complete() error {
	org, err := orgAddress(a.Org)
	if err != nil {
		return err
	}
	a.Org = org.String()
	fill(&a.Environment, guessEnvironment(org.Hostname()))
	fill(&a.Auth, JWT)
	fill(&a.Access, Reads)
	fill(&a.Host, "localhost")
	fill(&a.Tenant, guessTenant(org.Hostname()))
	fill(&a.Dir, ".")
	var errs []error
	for _, c := range []struct {
		what, got string
		allowed   []string
	}{
		{"environment", a.Environment, []string{Production, Sandbox}},
		{"auth", a.Auth, []string{JWT, ClientCredentials}},
		{"access", a.Access, []string{Reads, Writes}},
	} {
		if !slices.Contains(c.allowed, c.got) {
			errs = append(errs, fmt.Errorf("%w: %s: %q is not one of %s", cordon.ErrInvalid, c.what, c.got, strings.Join(c.allowed, ", ")))
		}
	}
	for what, s := range map[string]string{"client id": a.ClientID, "user name": a.Username, "host": a.Host} {
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar }) {
			errs = append(errs, fmt.Errorf("%w: the %s %q has a space or a control character in it", cordon.ErrInvalid, what, s))
		}
	}
	if !shortName.MatchString(a.Tenant) {
		errs = append(errs, fmt.Errorf("%w: the tenant's name %q is not a short name of letters, digits, '-' and '_'", cordon.ErrInvalid, a.Tenant))
	}
	return errors.Join(errs...)
}

var shortName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// orgAddress reads the address of an org as people paste it.
func orgAddress(s string) (*url.URL, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, fmt.Errorf("%w: name the org's address with --org, for example https://example.my.salesforce.com (Setup, My Domain)", cordon.ErrInvalid)
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return nil, fmt.Errorf("%w: %q is not the address of an org", cordon.ErrInvalid, s)
	}
	host := strings.ToLower(u.Hostname())
	ip := net.ParseIP(host)
	switch {
	case u.Scheme == "http" && (host == "localhost" || ip != nil && ip.IsLoopback()): // a simulator
	case u.Scheme != "https":
		return nil, fmt.Errorf("%w: %q is not an https address", cordon.ErrInvalid, s)
	case host == "login.salesforce.com" || host == "test.salesforce.com":
		return nil, fmt.Errorf("%w: %s is where everybody signs in; give the org's own address (Setup, My Domain)", cordon.ErrInvalid, host)
	case strings.HasSuffix(host, ".lightning.force.com"):
		return nil, fmt.Errorf("%w: %s is the user interface; the API answers at https://%s", cordon.ErrInvalid, host, strings.TrimSuffix(host, ".lightning.force.com")+".my.salesforce.com")
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
}

// guessEnvironment goes by the address: sandboxes carry the word in it.
func guessEnvironment(host string) string {
	if strings.Contains(host, ".sandbox.") || net.ParseIP(host) != nil || host == "localhost" {
		return Sandbox
	}
	return Production
}

func guessTenant(host string) string {
	name, _, _ := strings.Cut(host, ".")
	if net.ParseIP(host) != nil || host == "localhost" || !shortName.MatchString(name) {
		return "org"
	}
	return name
}

// audience is the aud of the assertion for JWT bearer.
func (a Answers) audience() string {
	if a.Environment == Sandbox {
		return "https://test.salesforce.com"
	}
	return "https://login.salesforce.com"
}

// Missing reports whether there is something that a person should be asked.
func (a Answers) Missing() bool {
	return a.Org == "" || a.Environment == "" || a.Auth == "" || a.ClientID == "" || a.Auth == JWT && a.Username == ""
}

// Ask asks for what is missing, one line each. An empty line takes the default, which is shown.
// A wrong answer is explained and asked for again. When in ends, the defaults stand.
func Ask(in io.Reader, out io.Writer, a *Answers) error {
	p := prompter{bufio.NewScanner(in), out}
	check := func(trial Answers) error {
		if trial.Org == "" {
			trial.Org = "https://example.my.salesforce.com"
		}
		return trial.Complete()
	}
	if err := p.ask(&a.Org, "Address of the org (https://….my.salesforce.com)", "", func(s string) error { return check(Answers{Org: nonEmpty(s)}) }); err != nil {
		return err
	}
	guess := Production
	if u, err := orgAddress(a.Org); err == nil {
		guess = guessEnvironment(u.Hostname())
	}
	for _, q := range []struct {
		field    *string
		text     string
		fallback string
		when     func() bool
		check    func(string) error
	}{
		{&a.Environment, "Environment: production or sandbox", guess, nil, func(s string) error { return check(Answers{Environment: s}) }},
		{&a.Auth, "How Cordon signs in: jwt (a key, nothing to rotate by hand) or client-credentials (a secret)", JWT, nil, func(s string) error { return check(Answers{Auth: s}) }},
		{&a.ClientID, "Consumer key of the connected app (empty: fill it in later)", "", nil, func(s string) error { return check(Answers{ClientID: s}) }},
		{&a.Username, "User name of Cordon's own user in the org (empty: fill it in later)", "", func() bool { return a.Auth == JWT }, func(s string) error { return check(Answers{Username: s}) }},
		{&a.Access, "What Cordon may do: read (look beside the CRM) or write (also deliver what is released)", Reads, nil, func(s string) error { return check(Answers{Access: s}) }},
	} {
		if q.when != nil && !q.when() {
			continue
		}
		if err := p.ask(q.field, q.text, q.fallback, q.check); err != nil {
			return err
		}
	}
	return nil
}

// nonEmpty makes an empty address one that is refused with the words for it.
func nonEmpty(s string) string {
	if s == "" {
		return " "
	}
	return s
}

type prompter struct {
	in  *bufio.Scanner
	out io.Writer
}

func (p prompter) ask(field *string, text, fallback string, check func(string) error) error {
	for *field == "" {
		if fallback != "" {
			fmt.Fprintf(p.out, "%s [%s]: ", text, fallback)
		} else {
			fmt.Fprintf(p.out, "%s: ", text)
		}
		if !p.in.Scan() {
			fmt.Fprintln(p.out)
			return p.in.Err()
		}
		answer := strings.TrimSpace(p.in.Text())
		if answer == "" {
			answer = fallback
		}
		if err := check(answer); err != nil {
			fmt.Fprintf(p.out, "  %v\n", err)
			continue
		}
		*field = answer
		if answer == "" {
			return nil
		}
	}
	return nil
}
