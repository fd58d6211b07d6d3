package setup

import (
	"io"
	"path/filepath"
	"strings"
	"text/template"
)

// Guide writes what is left to do in the org, step by step.
func (a Answers) Guide(w io.Writer) error {
	dir, err := filepath.Abs(a.Dir) // the commands change folders
	if err != nil {
		return err
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	user := a.Username
	if user == "" {
		user = "CORDON-USER"
	}
	return guideText.Execute(w, struct {
		Answers
		User, Config, Project, Cert, Secret string
	}{a, shell(user), shell(path("cordon.yaml")), shell(path("salesforce")), path(certFile), shell(path(secretFile))})
}

// shell quotes a word for a command line where it needs that.
func shell(s string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"
	if strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

var guideText = template.Must(template.New("").Parse(`
What is left to do in the org, by an administrator:

1. A user of Cordon's own
   Setup, Users: an integration user with a profile that allows the API only. Nobody signs in as
   it by hand, and it needs no Modify All Data.

2. The permission set
     cd {{.Project}}
     sf org login web --alias cordon-setup --instance-url {{.Org}}
     sf project deploy start --source-dir cordon --target-org cordon-setup --dry-run
     sf project deploy start --source-dir cordon --target-org cordon-setup
     sf org assign permset --name Cordon --on-behalf-of {{.User}} --target-org cordon-setup
   The org may say that View All Data depends on further permissions that its edition has: add
   those that it names.

3. The connected app (Setup, App Manager: an external client app, or a connected app)
   OAuth scopes:
     api                             Manage user data via APIs: every call of Cordon's
     id, openid                      Cordon asks as whom it is signed in
{{- if eq .Auth "jwt"}}
     refresh_token, offline_access   Salesforce asks for it with JWT bearer; Cordon keeps no
                                     refresh token
   Flow: enable JWT bearer ("Use digital signatures") and upload
     {{.Cert}}
   Policies:
     permitted users                 Admin approved users are pre-authorized
     permission sets                 Cordon, and no other
     callback URL                    not used: http://localhost/unused
{{- else}}
   Flow: enable client credentials, and let it run as {{.User}}.
   Policies:
     permitted users                 Admin approved users are pre-authorized
     permission sets                 Cordon, and no other
   The consumer secret goes into a file of its own, and nowhere else:
     (umask 077 && cat > {{.Secret}})      paste it, Enter, Ctrl-D
{{- end}}
     IP relaxation                   Enforce IP restrictions
   IP ranges: on the profile of Cordon's user (Login IP Ranges), the addresses from which this
   machine reaches the internet, and no others.

4. The configuration
{{- if not .ClientID}}
   Write the app's consumer key as client_id into {{.Config}}.
{{- end}}
{{- if and (eq .Auth "jwt") (not .Username)}}
   Write the user's name as username into {{.Config}}.
{{- end}}
   See what works and what is missing:
     cordon doctor --config {{.Config}}
{{- if eq .Access "write"}}

5. Before a route goes in front of the CRM
   Restrict the connected apps of your callers to the gateway's addresses: otherwise they can go
   around it. "cordon doctor --probe-direct" tries that from a machine that callers use.
{{- end}}

`))
