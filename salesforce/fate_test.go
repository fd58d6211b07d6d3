package salesforce

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cordonhq/cordon"
)

// Whether trying again may help with an error of this package.
const (
	permanent = "permanent" // it cannot
	transient = "transient" // it may
	carried   = "carried"   // as the error inside says; one of another package may help
)

// fates are all errors that this package makes, and which of these they are. One that is not
// here, or that is not what is said here, fails the test: whoever adds an error decides.
var fates = map[string]string{
	"Canonical: %w: %w: the path %s; send it plainly":                                               permanent,
	"Describe: %w: %.80q is not the name of an object":                                              permanent,
	"Describe: describe %s: %w":                                                                     carried,
	"Download: %w: a download is longer than %d bytes":                                              permanent,
	"Download: %w: a download needs an object, a record id and a field":                             permanent,
	"Download: download: %w":                                                                        carried,
	"Find: %w: files of %.80q":                                                                      permanent,
	"Find: %w: more than %d records":                                                                permanent,
	"Limits: ask for the org's limits: %w":                                                          carried,
	"Named: %w: a record is named by an object, a field and a value":                                permanent,
	"NewClient: %w: Cordon's Salesforce identity needs a secret file or a key file, one of the two": permanent,
	"NewClient: %w: Cordon's Salesforce identity needs the client id of a connected app":            permanent,
	"NewClient: %w: Cordon's Salesforce identity needs the org's address":                           permanent,
	"NewClient: %w: a key file needs the name of the integration user":                              permanent,
	"NewClient: read the key of Cordon's connected app in %q: %w":                                   carried,
	"NewClient: read the key of Cordon's connected app: %w":                                         carried,
	"NewClient: read the secret of Cordon's connected app: %w":                                      carried,
	"ReadLink: %w: %.40q is no id of a record: those have 15 letters and digits, or 18 of which the last three confirm the others; copy it again, capitals matter": permanent,
	"ReadLink: %w: paste the address of a file or a record, or its id of 15 or 18 letters":                                                                         permanent,
	"ReadLink: %w: the link has more than %d bytes; paste the id of the file or the record":                                                                        permanent,
	"ReadLink: %w: the link has spaces or characters that no address has; paste one address, or one id":                                                            permanent,
	"ReadLink: %w: the link is no plain address that begins with https://; copy it from the browser again":                                                         permanent,
	"ReadLink: %w: the link names %d records; paste links with at most %d":                                                                                         permanent,
	"ReadLink: %w: the link names no record; copy the address while the file or the record is open, or paste its id":                                               permanent,
	"ReadLink: read the link: %w": carried,
	"Shows: %w: %.40q is no id of a record; copy it whole, with 15 or 18 letters and digits":        permanent,
	"Shows: %w: %s hangs on another record than the item was sent for":                              permanent,
	"Shows: %w: %s is a version of another document":                                                permanent,
	"Shows: %w: %s was written as another item":                                                     permanent,
	"Shows: %w: files of %.80q":                                                                     permanent,
	"Shows: %w: the file of %s has %d bytes, and the item has %d":                                   permanent,
	"Shows: %w: the file of %s has other bytes than the item":                                       permanent,
	"Shows: %w: the write was of another record":                                                    permanent,
	"shown: %w: the org shows Cordon no %s with the id %s":                                          permanent,
	"shown: what the org shows of a record cannot be read: %w":                                      carried,
	"UserRecordAccess: %w: access is asked with the ids of a user and of a record":                  permanent,
	"Userinfo: ask who Cordon is: %w":                                                               carried,
	"Write: %w: %w":                                                                                 permanent,
	"Write: describe before a write: %w: %w":                                                        carried,
	"Write: %w: %w: a staged write of kind %q":                                                      permanent,
	"Write: %w: %w: files of %.80q":                                                                 permanent,
	"Write: write a %s: %w":                                                                         carried,
	"Write: write a %s: the answer to it cannot be read":                                            transient,
	"assertion: sign in to Salesforce: %w":                                                          carried,
	"classify: %w: %w":                                                                              carried,
	"find: a record found for a lost write cannot be read: %w":                                      carried,
	"get: an answer of Salesforce is not JSON: %w":                                                  carried,
	"moved: %w: %w: %s sends callers to %.200s; set the tenant's upstream to the org's new address": transient,
	"once: %w: %w":                                                                 carried,
	"once: no answer from Salesforce: %w":                                          carried,
	"once: reach Salesforce: %w: %w":                                               carried,
	"parseKey: %w: %w":                                                             permanent,
	"parseKey: %w: not PEM":                                                        permanent,
	"parseKey: %w: not an RSA key, which RS256 needs":                              permanent,
	"queryAt: %w: a query has more than %d pages":                                  permanent,
	"queryAt: query: %w":                                                           carried,
	"queryAt: query: the address of the next page cannot be read: %w":              carried,
	"readAll: %w: an answer of Salesforce is longer than %d bytes":                 permanent,
	"readAll: read an answer of Salesforce: %w":                                    carried,
	"session: sign in to Salesforce (check the connected app): %w: %w":             carried,
	"session: sign in to Salesforce: %w: %w":                                       carried,
	"session: sign in to Salesforce: %w":                                           carried,
	"var: the org has moved":                                                       transient,
	"var: ambiguous path":                                                          transient,
	"var: an update names no record":                                               permanent,
	"var: such a write is not made":                                                permanent,
	"var: the org no longer has the events behind the place where reading stopped": transient,
	"var: too many records fit a lost write; a person must look":                   permanent,
}

// TestEveryErrorSaysWhetherTryingAgainMayHelp reads the sources: an error that nobody has thought
// of would be tried again for hours, or give up what a person has released.
func TestEveryErrorSaysWhetherTryingAgainMayHelp(t *testing.T) {
	made := errorsMade(t)
	for text, fate := range made {
		if want, known := fates[text]; !known {
			t.Errorf("nobody has said whether trying again may help with %q; it is made as %s", text, fate)
		} else if fate != want {
			t.Errorf("%q is made as %s and is to be %s", text, fate, want)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(fates)) {
		if made[text] == "" {
			t.Errorf("no error %q is made any more", text)
		}
	}
}

// errorsMade returns the text of every error that the package's sources make, with its fate.
func errorsMade(t *testing.T) map[string]string {
	t.Helper()
	set := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	inspect := func(where string, decl ast.Decl) {
		ast.Inspect(decl, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			text, args := "", call.Args
			switch name := selected(call.Fun); name {
			case "fmt.Errorf", "errors.New":
				text = literal(args[0])
			case "cordon.Permanent":
				text = literal(args[1])
			default:
				return true
			}
			fate := transient
			for _, a := range args[1:] {
				switch name := selected(a); {
				case slices.Contains([]string{"cordon.ErrPermanent", "cordon.ErrInvalid", "cordon.ErrTooLarge", "cordon.ErrShredded",
					"errNoRecord", "errNotWritten", "errTooMany"}, name), selected(call.Fun) == "cordon.Permanent":
					fate = permanent
				case fate == transient && (name == "err" || name == "p" || name == "statusError()" || name == "classify()"):
					fate = carried
				}
			}
			text = where + ": " + text
			if before, twice := out[text]; twice && before != fate {
				t.Errorf("%s: %q is made as %s here and as %s elsewhere; tell them apart", set.Position(call.Pos()), text, fate, before)
			}
			out[text] = fate
			return true
		})
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			where := "var"
			if f, ok := decl.(*ast.FuncDecl); ok {
				where = f.Name.Name
			}
			inspect(where, decl)
		}
	}
	if len(out) < 30 {
		t.Fatalf("only %d errors were found", len(out))
	}
	return out
}

func selected(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return selected(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return selected(e.Fun) + "()"
	}
	return ""
}

func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok {
		if s, err := strconv.Unquote(l.Value); err == nil {
			return s
		}
	}
	return "(made at run time)"
}

// TestEveryAnswerSaysWhetherTryingAgainMayHelp goes through the statuses and codes that orgs
// answer with.
func TestEveryAnswerSaysWhetherTryingAgainMayHelp(t *testing.T) {
	body := func(code string) []byte {
		if code == "" {
			return nil
		}
		return fmt.Appendf(nil, `[{"message":"m","errorCode":%q}]`, code)
	}
	check := func(status int, code string, again bool, cause cordon.Cause) {
		t.Helper()
		err := fmt.Errorf("write: %w", classify(status, body(code)))
		if errors.Is(err, cordon.ErrTransient) != again || errors.Is(err, cordon.ErrPermanent) == again || cordon.IsPermanent(err) == again {
			t.Errorf("%d %s: transient %v, permanent %v; trying again may help: %v", status, code, errors.Is(err, cordon.ErrTransient), errors.Is(err, cordon.ErrPermanent), again)
		}
		if got := cordon.CauseOf(err); got != cause {
			t.Errorf("%d %s has the cause %q, want %q", status, code, got, cause)
		}
	}
	// Every status, without a code of the platform's.
	again := []int{301, 302, 303, 304, 305, 307, 308, 401, 407, 408, 420, 423, 425, 429}
	for status := 300; status < 600; status++ {
		may := status >= 500 || slices.Contains(again, status) || status < 400 && status != http.StatusMultipleChoices
		cause := cordon.CauseRefused
		if may {
			cause = cordon.CauseUnreachable
		}
		check(status, "", may, cause)
	}
	for code, c := range map[string]struct {
		status int
		again  bool
	}{
		// The request cannot be taken as it is.
		"INVALID_FIELD": {400, false}, "INVALID_FIELD_FOR_INSERT_UPDATE": {400, false}, "REQUIRED_FIELD_MISSING": {400, false}, "INVALID_TYPE": {400, false},
		"FIELD_CUSTOM_VALIDATION_EXCEPTION": {400, false}, "FIELD_INTEGRITY_EXCEPTION": {400, false}, "INVALID_CROSS_REFERENCE_KEY": {400, false},
		"INVALID_TYPE_ON_FIELD_IN_RECORD": {400, false}, "STRING_TOO_LONG": {400, false}, "JSON_PARSER_ERROR": {400, false}, "MALFORMED_ID": {400, false},
		"MALFORMED_QUERY": {400, false}, "DUPLICATE_VALUE": {400, false}, "DUPLICATES_DETECTED": {400, false}, "ENTITY_IS_DELETED": {404, false},
		"NOT_FOUND": {404, false}, "METHOD_NOT_ALLOWED": {405, false}, "REQUEST_ENTITY_TOO_LARGE": {413, false}, "UNSUPPORTED_MEDIA_TYPE": {415, false},
		"INSUFFICIENT_ACCESS_OR_READONLY": {400, false}, "INSUFFICIENT_ACCESS": {403, false}, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": {400, false},
		"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": {400, false}, "STORAGE_LIMIT_EXCEEDED": {403, false}, "API_DISABLED_FOR_ORG": {403, false},
		"FILE_EXTENSION_NOT_ALLOWED": {400, false}, "FILE_SIZE_LIMIT_EXCEEDED": {400, false}, "A_CODE_OF_TOMORROW": {400, false},
		// The same may be taken later.
		"UNABLE_TO_LOCK_ROW": {400, true}, "REQUEST_LIMIT_EXCEEDED": {403, true}, "INVALID_SESSION_ID": {401, true}, "SERVER_UNAVAILABLE": {503, true},
		"REQUEST_RUNNING_TOO_LONG": {400, true}, "QUERY_TIMEOUT": {400, true}, "UNKNOWN_EXCEPTION": {500, true}, "API_CURRENTLY_DISABLED": {403, true},
		"ORG_LOCKED": {403, true}, "TXN_SECURITY_METERING_ERROR": {400, true},
	} {
		check(c.status, code, c.again, cordon.Cause("crm:"+code))
	}
	for _, code := range transientCodes {
		check(400, code, true, cordon.Cause("crm:"+code))
	}
	check(500, "A_CODE_OF_TOMORROW", true, "crm:A_CODE_OF_TOMORROW")
	check(429, "A_CODE_OF_TOMORROW", true, "crm:A_CODE_OF_TOMORROW")
	check(400, "a sentence with Jane Doe in it", false, cordon.CauseRefused) // no free text becomes a cause

	// How Cordon signs in is an administrator's matter, and says nothing of a file.
	p := statusError(400, []byte(`{"error":"invalid_grant"}`))
	p.signIn = true
	if err := fmt.Errorf("%w: %w", cordon.ErrNotSent, p); cordon.IsPermanent(err) || cordon.CauseOf(err) != cordon.CauseNotSet {
		t.Errorf("a refused sign-in is permanent %v, cause %q", cordon.IsPermanent(err), cordon.CauseOf(err))
	}
}

// TestWritesThatAreNeverMade: what names no record, or is no file of a known kind, is no attempt.
func TestWritesThatAreNeverMade(t *testing.T) {
	c := &Client{}
	for _, w := range []struct {
		s     cordon.Staged
		cause cordon.Cause
	}{
		{cordon.Staged{Op: cordon.OpUpdate, Object: "ContentVersion"}, cordon.CauseNoRecord},
		{cordon.Staged{Op: cordon.OpAsk, Object: "ContentVersion"}, cordon.CauseNotWritable},
		{cordon.Staged{Op: cordon.OpCreate, Object: "Account"}, cordon.CauseNotWritable},
	} {
		_, err := c.Write(t.Context(), w.s, nil)
		if !errors.Is(err, cordon.ErrNotSent) || !cordon.IsPermanent(err) || cordon.CauseOf(err) != w.cause {
			t.Errorf("%+v: %v; want it not sent for good, because of %s, not %s", w.s, err, w.cause, cordon.CauseOf(err))
		}
	}
}
