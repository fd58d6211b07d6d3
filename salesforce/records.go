package salesforce

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cordonhq/cordon"
)

type described struct {
	Description
	until time.Time
}

// Describe asks what the org lets Cordon do with an object. Answers are kept for a minute.
func (c *Client) Describe(ctx context.Context, object string) (Description, error) {
	if !IsName(object) {
		return Description{}, fmt.Errorf("%w: %.80q is not the name of an object", cordon.ErrInvalid, object)
	}
	key, now := strings.ToLower(object), c.conf.Clock()
	if d, ok := c.describes.Load(key); ok && now.Before(d.(described).until) {
		return d.(described).Description, nil
	}
	var d Description
	if err := c.get(ctx, c.data("/sobjects/"+object+"/describe"), "", &d); err != nil {
		return Description{}, fmt.Errorf("describe %s: %w", object, err)
	}
	c.describes.Store(key, described{d, now.Add(time.Minute)})
	return d, nil
}

// Userinfo is what the org says of a token's user.
type Userinfo struct {
	UserID       string `json:"user_id"`
	Organization string `json:"organization_id"`
	Username     string `json:"preferred_username"`
}

// Userinfo asks as whom Cordon is signed in.
func (c *Client) Userinfo(ctx context.Context) (Userinfo, error) {
	var u Userinfo
	if err := c.get(ctx, "/services/oauth2/userinfo", "", &u); err != nil {
		return Userinfo{}, fmt.Errorf("ask who Cordon is: %w", err)
	}
	return u, nil
}

// Access is what a user may do with a record.
type Access struct{ Read, Edit bool }

// UserRecordAccess asks what a user may do with a record. A record that the org does not know
// grants nothing.
func (c *Client) UserRecordAccess(ctx context.Context, userID, recordID string) (Access, error) {
	if !IsID(userID) || !IsID(recordID) {
		return Access{}, fmt.Errorf("%w: access is asked with the ids of a user and of a record", cordon.ErrInvalid)
	}
	var got Access
	err := c.Query(ctx, "SELECT RecordId, HasReadAccess, HasEditAccess FROM UserRecordAccess WHERE UserId = '"+userID+"' AND RecordId = '"+recordID+"'",
		func(record json.RawMessage) error {
			var r struct {
				RecordID                     string `json:"RecordId"`
				HasReadAccess, HasEditAccess bool
			}
			if err := json.Unmarshal(record, &r); err != nil {
				return err
			}
			if SameID(r.RecordID, recordID) {
				got = Access{r.HasReadAccess, r.HasEditAccess}
			}
			return nil
		})
	return got, err
}

// Named returns the ids of the records whose field has the value: at most one where the field
// is a unique external id.
func (c *Client) Named(ctx context.Context, object, field, value string) ([]string, error) {
	if !IsName(object) || !IsName(field) {
		return nil, fmt.Errorf("%w: a record is named by an object, a field and a value", cordon.ErrInvalid)
	}
	var ids []string
	err := c.Query(ctx, "SELECT Id FROM "+object+" WHERE "+field+" = "+QuoteSOQL(value)+" LIMIT 2", func(record json.RawMessage) error {
		var r struct{ ID string }
		if err := json.Unmarshal(record, &r); err != nil {
			return err
		}
		ids = append(ids, r.ID)
		return nil
	})
	return ids, err
}

// maxPages bounds how far a query is followed: 2 000 records a page.
const maxPages = 5_000

// Query runs a SOQL query and calls each for every record, following pages. It ends with the
// first error of each.
func (c *Client) Query(ctx context.Context, soql string, each func(json.RawMessage) error) error {
	return c.queryAt(ctx, "/query", soql, each)
}

// QueryAll is Query over the recycle bin as well.
func (c *Client) QueryAll(ctx context.Context, soql string, each func(json.RawMessage) error) error {
	return c.queryAt(ctx, "/queryAll", soql, each)
}

// Tooling is Query over what the Tooling API knows: the org's own code and settings.
func (c *Client) Tooling(ctx context.Context, soql string, each func(json.RawMessage) error) error {
	return c.queryAt(ctx, "/tooling/query", soql, each)
}

func (c *Client) queryAt(ctx context.Context, resource, soql string, each func(json.RawMessage) error) error {
	path, query := c.data(resource), "q="+url.QueryEscape(soql)
	for range maxPages {
		var page struct {
			Records        []json.RawMessage `json:"records"`
			Done           bool              `json:"done"`
			NextRecordsURL string            `json:"nextRecordsUrl"`
		}
		if err := c.get(ctx, path, query, &page); err != nil {
			return fmt.Errorf("query: %w", err)
		}
		for _, r := range page.Records {
			if err := each(r); err != nil {
				return err
			}
		}
		if page.Done || page.NextRecordsURL == "" {
			return nil
		}
		next, err := url.Parse(page.NextRecordsURL)
		if err != nil {
			return fmt.Errorf("query: the address of the next page cannot be read: %w", err)
		}
		path, query = next.Path, next.RawQuery // only the path: the token goes nowhere else
	}
	return fmt.Errorf("%w: a query has more than %d pages", cordon.ErrTooLarge, maxPages)
}

// QuoteSOQL returns s as a SOQL string.
func QuoteSOQL(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`).Replace(s) + "'"
}

// Download writes the file of a record to w and returns its length and SHA-256. field is the blob
// field. Longer files than the platform allows are an error.
func (c *Client) Download(ctx context.Context, object, id, field string, w io.Writer) (int64, [32]byte, error) {
	var sum [32]byte
	if !IsName(object) || !IsID(id) || !IsName(field) {
		return 0, sum, fmt.Errorf("%w: a download needs an object, a record id and a field", cordon.ErrInvalid)
	}
	resp, err := c.do(ctx, exchange{method: http.MethodGet, path: c.data("/sobjects/" + object + "/" + id + "/" + field)})
	if err != nil {
		return 0, sum, fmt.Errorf("download: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, err := readAll(resp.Body, maxToken)
		if err != nil {
			body = nil
		}
		return 0, sum, fmt.Errorf("download: %w", statusError(resp.StatusCode, body))
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(resp.Body, maxDownload+1))
	if err != nil {
		return n, sum, fmt.Errorf("download: %w", err)
	}
	if n > maxDownload {
		return n, sum, fmt.Errorf("%w: a download is longer than %d bytes", cordon.ErrTooLarge, int64(maxDownload))
	}
	return n, [32]byte(h.Sum(nil)), nil
}

// digest is the SHA-256 of a record's file, in hex.
func (c *Client) digest(ctx context.Context, object, id, field string) (string, error) {
	_, sum, err := c.Download(ctx, object, id, field, io.Discard)
	return hex.EncodeToString(sum[:]), err
}
