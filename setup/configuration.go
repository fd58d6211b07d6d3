package setup

import (
	"bytes"
	"encoding/json"
	"strings"
	"text/template"

	"github.com/cordonhq/cordon/salesforce"
)

// configuration is cordon.yaml: both doors on this machine only, no route, no account.
func (a Answers) configuration() []byte {
	var b bytes.Buffer
	err := configurationText.Execute(&b, struct {
		Answers
		Audience, Key, Secret, Version string
	}{a, a.audience(), slashed(keyFile), slashed(secretFile), salesforce.DefaultVersion})
	if err != nil {
		panic(err) // the template and its data are ours
	}
	return b.Bytes()
}

func slashed(path string) string { return strings.ReplaceAll(path, `\`, "/") }

var configurationText = template.Must(template.New("").Funcs(template.FuncMap{"quote": quote}).Parse(
	`# Written by "cordon init". docs/configuration.md explains every key. Paths are relative to this
# file. No secret belongs into it: it only names the files that hold them.
environment: {{.Environment}}

data: data        # records, bytes, ledger: useless without the keys
keys: keys        # never inside data, and never in the same backup

gateway:
  listen: 127.0.0.1:8080     # this machine only, until you decide otherwise
console:
  listen: 127.0.0.1:8090

tenants:
  - id: {{quote .Tenant}}      # part of every record: it never changes
    hosts: [{{quote .Host}}]   # by which callers reach the gateway
    upstream: {{quote .Org}}
    crm:
      client_id: {{quote .ClientID}}   # the consumer key of Cordon's connected app{{if not .ClientID}}: fill it in{{end}}
{{- if eq .Auth "jwt"}}
      private_key: {{quote .Key}}
      username: {{quote .Username}}    # Cordon's own user in the org{{if not .Username}}: fill it in{{end}}
      audience: {{quote .Audience}}
{{- else}}
      client_secret_file: {{quote .Secret}}   # put the consumer secret there, mode 600
{{- end}}
      api_version: {{quote .Version}}

    # Look at what comes into the org by other ways than the gateway, and change nothing in it: three
    # API calls each time, and one for each new file.
    # poll: 1m

    # A route puts Cordon in front of the CRM. Begin with shadow: everything passes, and what
    # would have been held is recorded. What matches no route is held as route "unknown".
    # routes:
    #   - name: portal
    #     channel: portal
    #     owner: web-team@example.org
    #     mode: shadow
    #     match: [{ object: ContentVersion }]

# Nobody can sign in to the console yet. A password file has one line of at least 12 characters
# and mode 600.
# accounts:
#   - login: you@example.org
#     tenant: {{.Tenant}}
#     roles: [reviewer, auditor]
#     password_file: keys/you.password
`))

// quote writes a YAML string in double quotes, which reads JSON's.
func quote(s string) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return strings.TrimSpace(b.String()), err
}
