package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/cordonhq/cordon/salesforce"
)

// signIn opens Cordon's own identity. It returns nil where that failed, and says why.
func signIn(ctx context.Context, org Org, reached bool, r *lines) *salesforce.Client {
	id := org.Identity
	id.Timeout = 0
	how, file := "client credentials", id.SecretFile
	if id.KeyFile != "" {
		how, file = "JWT bearer", id.KeyFile
	}
	client, err := salesforce.NewClient(id)
	if err != nil {
		r.add(Line{Check: "sign-in", State: Missing, Needed: true, Says: "Cordon's identity in the org is not complete", Evidence: err.Error(),
			Do: "Fill in crm in the configuration; \"cordon init --help\" says what the connected app needs."})
		return nil
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
		r.add(Line{Check: "secret-file", State: Warning, Says: "others on this machine may read Cordon's secret", Evidence: fmt.Sprintf("%s has mode %04o", file, info.Mode().Perm()), Do: "chmod 600 " + file})
	} else if err == nil {
		r.add(Line{Check: "secret-file", State: OK, Says: "only its owner may read Cordon's secret", Evidence: fmt.Sprintf("%s has mode %04o", file, info.Mode().Perm())})
	}
	if !reached {
		r.untried("sign-in")
		return nil
	}
	call := "POST /services/oauth2/token (" + how + ")"
	if err := client.SignIn(ctx); err != nil {
		do := "Check client_id and the secret, and that the connected app allows the client credentials flow with a run-as user."
		if id.KeyFile != "" {
			do = "Check client_id, username and audience (https://test.salesforce.com for a sandbox), that the certificate is uploaded to the connected app, and that the user is pre-authorised for it by a permission set."
		}
		r.add(Line{Check: "sign-in", State: Missing, Needed: true, Says: "the org does not let Cordon in", Evidence: call + ": " + err.Error(), Do: do})
		return nil
	}
	r.add(Line{Check: "sign-in", State: OK, Says: "signed in by " + how, Evidence: call + ": a token"})
	return client
}

// identity says as whom Cordon is signed in, and where.
func (v visit) identity(ctx context.Context) {
	if v.out("identity", "environment") {
		return
	}
	who, err := v.client.Userinfo(ctx)
	if err != nil {
		v.add(Line{Check: "identity", State: Missing, Needed: true, Says: "the org does not say who Cordon is", Evidence: "GET /services/oauth2/userinfo: " + err.Error(),
			Do: "Give the connected app the scopes that \"cordon init\" lists, and sign in again."})
	} else {
		v.add(Line{Check: "identity", State: OK, Says: fmt.Sprintf("Cordon is %s in org %s", who.Username, who.Organization), Evidence: "GET /services/oauth2/userinfo: 200"})
	}
	var sandbox *bool
	err = v.client.Query(ctx, "SELECT IsSandbox FROM Organization LIMIT 1", func(row json.RawMessage) error {
		var o struct{ IsSandbox *bool }
		err := json.Unmarshal(row, &o)
		sandbox = o.IsSandbox
		return err
	})
	configured := v.conf.Environment
	switch {
	case err != nil || sandbox == nil:
		evidence := "SELECT IsSandbox FROM Organization: no row"
		if err != nil {
			evidence = "SELECT IsSandbox FROM Organization: " + err.Error()
		}
		v.add(Line{Check: "environment", State: Unknown, Says: "whether this is a sandbox", Evidence: evidence, Do: "Look it up in Setup, Company Information."})
	case *sandbox == (configured != "production"):
		v.add(Line{Check: "environment", State: OK, Says: "the configuration says " + configured + ", and the org agrees", Evidence: fmt.Sprintf("SELECT IsSandbox FROM Organization: %v", *sandbox)})
	default:
		v.add(Line{Check: "environment", State: Warning, Says: "the configuration says " + configured + ", the org says otherwise", Evidence: fmt.Sprintf("SELECT IsSandbox FROM Organization: %v", *sandbox),
			Do: "Set environment in the configuration: it stands on every page, and people act on it."})
	}
}
