package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cordonhq/cordon/salesforce"
)

// What a clock may be off by. An assertion of Cordon's is good for three minutes.
const (
	clockFine  = 5 * time.Second
	clockWorst = 60 * time.Second
)

// examineReach makes one call that needs no sign-in, the list of API versions, and reads four
// things from it: whether the org can be reached, its TLS, its clock and its versions.
func examineReach(ctx context.Context, conf Config, org Org, r *lines) (reached bool) {
	checks := []string{"tls", "clock", "api-version"}
	if org.Identity.Org == nil || org.Identity.Org.Host == "" {
		r.add(Line{Check: "reach", State: Missing, Needed: true, Says: "the org has no address", Evidence: "upstream in the configuration",
			Do: "Set upstream to the org's My Domain address, for example https://example.my.salesforce.com."})
		r.untried(checks...)
		return false
	}
	address := *org.Identity.Org
	address.Path, address.RawQuery = "/services/data/", ""
	call := "GET " + address.String()
	sent := conf.Clock()
	resp, body, err := fetch(ctx, conf.HTTP, address.String(), "")
	back := conf.Clock()
	if err != nil {
		r.add(Line{Check: "reach", State: Missing, Needed: true, Says: "the org cannot be reached", Evidence: call + ": " + err.Error(),
			Do: "Check upstream in the configuration, the name's DNS entry, and that " + hostPort(org.Identity.Org) + " may be reached from here, also through a proxy (HTTPS_PROXY)."})
		r.untried(checks...)
		return false
	}
	evidence := fmt.Sprintf("%s: %d", call, resp.StatusCode)
	var versions []struct{ Label, Version string }
	listed := resp.StatusCode == http.StatusOK && json.Unmarshal(body, &versions) == nil && len(versions) > 0
	if listed {
		r.add(Line{Check: "reach", State: OK, Says: "the org answers at " + org.Identity.Org.Host, Evidence: evidence})
	} else {
		r.add(Line{Check: "reach", State: Warning, Says: "something answers, but not as an org does", Evidence: evidence + ", no list of API versions",
			Do: "Check that upstream is the org's My Domain address (…my.salesforce.com) and not a page of the user interface or a proxy's."})
	}
	examineTLS(conf, org, resp.TLS, call, r)
	examineClock(org, resp.Header.Get("Date"), sent, back, call, r)

	version := org.Identity.Version
	if !listed {
		r.add(Line{Check: "api-version", State: Unknown, Says: "whether the org supports API version " + version, Evidence: evidence + ", no list of API versions", Do: "Mend upstream, then run cordon doctor again."})
		return true
	}
	newest, has := 0.0, false
	label := ""
	for _, v := range versions {
		n, err := strconv.ParseFloat(v.Version, 64)
		if err == nil {
			newest = max(newest, n)
		}
		if v.Version == version {
			has, label = true, v.Label
		}
	}
	evidence = fmt.Sprintf("%s: %d versions, the newest %.1f", call, len(versions), newest)
	if has {
		r.add(Line{Check: "api-version", State: OK, Says: fmt.Sprintf("version %s (%s) is supported", version, label), Evidence: evidence})
	} else {
		r.add(Line{Check: "api-version", State: Missing, Needed: true, Says: "the org does not list API version " + version, Evidence: evidence,
			Do: fmt.Sprintf("Set api_version under crm to %s or leave it out.", nearest(newest))})
	}
	return true
}

// nearest is the version that Cordon was written for, or the org's newest if that is older.
func nearest(newest float64) string {
	ours, err := strconv.ParseFloat(salesforce.DefaultVersion, 64)
	if err == nil && newest > 0 && newest < ours {
		return strconv.FormatFloat(newest, 'f', 1, 64)
	}
	return salesforce.DefaultVersion
}

func examineTLS(conf Config, org Org, state *tls.ConnectionState, call string, r *lines) {
	host := org.Identity.Org.Hostname()
	switch {
	case state == nil && isLoopback(host):
		r.add(Line{Check: "tls", State: Warning, Says: "plain HTTP to this machine", Evidence: call + ": no TLS", Do: "That serves a simulator. An org is reached by https."})
	case state == nil:
		r.add(Line{Check: "tls", State: Missing, Needed: true, Says: "plain HTTP: tokens and files would travel in the clear", Evidence: call + ": no TLS", Do: "Write upstream with https://."})
	default:
		evidence := call + ": " + tls.VersionName(state.Version)
		if len(state.PeerCertificates) > 0 {
			c := state.PeerCertificates[0]
			evidence += fmt.Sprintf(", certificate of %s valid until %s", c.Issuer.CommonName, c.NotAfter.UTC().Format(time.DateOnly))
		}
		r.add(Line{Check: "tls", State: OK, Says: "encrypted, and the certificate is trusted here", Evidence: evidence})
	}
}

// examineClock compares the Date header, which is cut to seconds, with the middle of our call.
func examineClock(org Org, date string, sent, back time.Time, call string, r *lines) {
	theirs, err := http.ParseTime(date)
	if err != nil {
		r.add(Line{Check: "clock", State: Unknown, Says: "the org's answer carries no time", Evidence: call + ": no Date header", Do: "Compare this machine's clock with another source."})
		return
	}
	ours := sent.Add(back.Sub(sent) / 2)
	off := ours.Sub(theirs.Add(500 * time.Millisecond)).Round(time.Second)
	evidence := fmt.Sprintf("%s: Date %s, here %s", call, theirs.UTC().Format(time.DateTime), ours.UTC().Format(time.DateTime))
	const do = "Let this machine take its time from a time server (chrony, systemd-timesyncd)."
	says := fmt.Sprintf("this machine's clock is %s off the org's", off.Abs())
	switch {
	case off.Abs() <= clockFine:
		r.add(Line{Check: "clock", State: OK, Says: fmt.Sprintf("this machine and the org agree within %s", clockFine), Evidence: evidence})
	case off.Abs() <= clockWorst || org.Identity.KeyFile == "":
		r.add(Line{Check: "clock", State: Warning, Says: says, Evidence: evidence, Do: do})
	default:
		r.add(Line{Check: "clock", State: Missing, Needed: true, Says: says + "; signing in by JWT bearer may fail", Evidence: evidence, Do: do})
	}
}

// untried adds a line for each check that had no chance.
func (l *lines) untried(checks ...string) {
	for _, c := range checks {
		l.add(Line{Check: c, State: Unknown, Says: "not tried", Evidence: "the org was not reached", Do: "Mend the connection, then run cordon doctor again."})
	}
}

// fetch makes one GET, with a token if there is one, and reads at most 1 MB of the answer.
func fetch(ctx context.Context, client *http.Client, address, token string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp, body, err
}

func isLoopback(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
