package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/cordonhq/cordon"
)

// sfOrg asks the sf command for the address of an org that it knows by an alias, and for an
// access token. Since May 2026 sf hides the token from "org display" and has a command of its
// own for it.
// https://developer.salesforce.com/docs/platform/salesforce-cli-reference/guide/cli_reference_org_auth_show-access-token.html
func sfOrg(ctx context.Context, alias string) (base *url.URL, token string, err error) {
	if strings.HasPrefix(alias, "-") {
		return nil, "", fmt.Errorf("%w: %q is no alias of the sf command", cordon.ErrInvalid, alias)
	}
	program, err := exec.LookPath("sf")
	if err != nil {
		return nil, "", fmt.Errorf("%w: --org needs the sf command (https://developer.salesforce.com/tools/salesforcecli), and it is not on PATH; or give --url and a token in SF_ACCESS_TOKEN", cordon.ErrNotFound)
	}
	var shown struct{ AccessToken, InstanceURL string }
	if err := sfJSON(ctx, program, &shown, "org", "display", "--target-org", alias, "--json"); err != nil {
		return nil, "", err
	}
	if base, err = orgAddress(shown.InstanceURL); err != nil {
		return nil, "", fmt.Errorf("what sf says of the org: %w", err)
	}
	if token = shown.AccessToken; !isToken(token) {
		var kept struct{ AccessToken string }
		if err := sfJSON(ctx, program, &kept, "org", "auth", "show-access-token", "--target-org", alias, "--json"); err != nil {
			return nil, "", err
		}
		token = kept.AccessToken
	}
	if !isToken(token) {
		return nil, "", fmt.Errorf("%w: sf shows no access token for this org; sign in again with \"sf org login web --alias ALIAS\"", cordon.ErrForbidden)
	}
	return base, token, nil
}

// isToken tells a token from the note that sf puts in its place.
func isToken(s string) bool { return s != "" && !strings.ContainsAny(s, " []'\r\n") }

// sfJSON runs sf and decodes its result. What it prints goes into no error: it may hold the
// token.
func sfJSON(ctx context.Context, program string, into any, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "FORCE_COLOR=0", "SF_DISABLE_AUTOUPDATE=true", "SF_DISABLE_TELEMETRY=true")
	var out bytes.Buffer
	cmd.Stdout = &out
	runErr := cmd.Run()
	var answer struct {
		Status int
		Name   string
		Result json.RawMessage
	}
	what := "sf " + strings.Join(args[:len(args)-3], " ")
	err := json.Unmarshal(out.Bytes(), &answer)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case runErr != nil && !errors.As(runErr, &exit):
		return fmt.Errorf("run %s: %w", what, runErr)
	case err == nil && answer.Name == "NamedOrgNotFoundError":
		return fmt.Errorf("%w: sf knows no org of this alias (\"sf org list\" names them)", cordon.ErrNotFound)
	case runErr != nil || err != nil || answer.Status != 0:
		return fmt.Errorf("%s did not work; try it in a terminal to see why", what)
	}
	var text string
	if json.Unmarshal(answer.Result, &text) == nil { // a bare token
		answer.Result, err = json.Marshal(map[string]string{"accessToken": text})
		if err != nil {
			return err
		}
	}
	if err := json.Unmarshal(answer.Result, into); err != nil {
		return fmt.Errorf("the answer of %s cannot be read; is sf up to date?", what)
	}
	return nil
}

// orgAddress reads the origin of an org.
func orgAddress(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(strings.TrimSpace(s), "/"))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("%w: the address of an org is like https://acme--uat.sandbox.my.salesforce.com", cordon.ErrInvalid)
	}
	if u.Scheme == "http" && loopbackOnly(u.Host) != nil {
		return nil, fmt.Errorf("%w: a token goes over https only, except on this machine", cordon.ErrInvalid)
	}
	return u, nil
}
