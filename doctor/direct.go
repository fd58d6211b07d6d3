package doctor

import (
	"context"
	"fmt"
	"net/http"
)

// examineDirect tries the way past the gateway: straight to the org with a caller's token. It
// reads the org's limits, which any session may, and writes nothing. It is tried only when
// asked for, since from the gateway's own address it is rightly open.
func examineDirect(ctx context.Context, conf Config, org Org, r *lines) {
	const how = "Run \"cordon doctor --probe-direct --direct-token-file FILE\" on a machine that callers use, not on the gateway's, with a caller's access token in FILE."
	l := Line{Check: "direct-path", State: Unknown, Says: "whether callers can go around the gateway"}
	switch {
	case !conf.ProbeDirect:
		l.Evidence, l.Do = "not tried", how
	case org.Identity.Org == nil:
		l.Evidence, l.Do = "the org has no address", "Set upstream in the configuration."
	default:
		address := *org.Identity.Org
		address.Path, address.RawQuery = "/services/data/v"+org.Identity.Version+"/limits", ""
		resp, _, err := fetch(ctx, conf.HTTP, address.String(), conf.DirectToken)
		call := "GET " + address.String()
		if conf.DirectToken == "" {
			call += " without a token"
		} else {
			call += " with the caller's token"
		}
		switch {
		case err != nil:
			l.State, l.Says, l.Evidence = OK, "from this machine the network does not lead to the org", call+": "+err.Error()
		case conf.DirectToken == "":
			l.Says = "the network leads from here straight to the org; whether the org would take a caller's token was not tried"
			l.Evidence, l.Do = fmt.Sprintf("%s: %d", call, resp.StatusCode), how
		case resp.StatusCode == http.StatusOK:
			l.State, l.Says, l.Evidence = Warning, "the way around is open: with this token the org answers calls that did not pass the gateway", call+": 200"
			l.Do = "Restrict the caller's connected app and profile to the gateway's addresses (login IP ranges, enforce IP restrictions), then try again."
		case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
			l.State, l.Says, l.Evidence = OK, "the org refuses this token from this machine", fmt.Sprintf("%s: %d", call, resp.StatusCode)
			l.Do = "A token that has expired is refused as well: make sure that it works through the gateway."
		default:
			l.Evidence, l.Do = fmt.Sprintf("%s: %d", call, resp.StatusCode), how
		}
	}
	r.add(l)
}
