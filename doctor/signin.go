package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cordonhq/cordon/salesforce"
)

// signIn opens Cordon's own identity. It returns nil where that failed, and says why.
func signIn(ctx context.Context, conf Config, org Org, reached bool, r *lines) *salesforce.Client {
	id := org.Identity
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
	if id.KeyFile != "" {
		examineCertificate(conf, id.KeyFile, r)
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

// examineCertificate looks for the certificate that "cordon init" puts beside the key. The org
// takes assertions only as long as the certificate that was uploaded to it is valid.
func examineCertificate(conf Config, keyFile string, r *lines) {
	file := strings.TrimSuffix(keyFile, filepath.Ext(keyFile)) + ".crt"
	l := Line{Check: "certificate", State: Unknown, Says: "until when the org takes Cordon's key"}
	pair, err := tls.LoadX509KeyPair(file, keyFile)
	if err != nil {
		l.Evidence, l.Do = err.Error(), "Look up the certificate of the connected app in Setup, or put it beside the key as "+file+"."
		r.add(l)
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		l.Evidence, l.Do = file+": "+err.Error(), "Put the certificate of the connected app beside the key."
		r.add(l)
		return
	}
	left := leaf.NotAfter.Sub(conf.Clock())
	l.Evidence = fmt.Sprintf("%s: of this key, valid until %s; whether it is the one in the org was not tried", file, leaf.NotAfter.UTC().Format(time.DateOnly))
	const renew = "Make a key and certificate in another folder with \"cordon init\", upload the certificate, then exchange the files."
	switch {
	case left <= 0:
		l.State, l.Needed, l.Says, l.Do = Missing, true, "the certificate of Cordon's key is over", renew
	case left < 30*24*time.Hour:
		l.State, l.Says, l.Do = Warning, "the certificate of Cordon's key ends within 30 days", renew
	default:
		l.State, l.Says = OK, "the certificate of Cordon's key is valid"
	}
	r.add(l)
}
