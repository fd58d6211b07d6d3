package salesforce

import "context"

// Session is what APIs beside REST ask for to know the caller. Never log it.
type Session struct {
	Token    string
	Instance string // the org's own origin, without a trailing slash
	OrgID    string // 18 letters
}

// Session returns Cordon's session for an API beside REST. stale is a token that the org no
// longer takes, "" if none: then a fresh one is fetched.
func (c *Client) Session(ctx context.Context, stale string) (Session, error) {
	token, err := c.session(ctx, stale)
	if err != nil {
		return Session{}, err
	}
	id := c.org.Load()
	if id == nil {
		who, err := c.Userinfo(ctx)
		if err != nil {
			return Session{}, err
		}
		long := LongID(who.Organization)
		id = &long
		c.org.Store(id)
		if token, err = c.session(ctx, stale); err != nil { // asking may have brought a fresh one
			return Session{}, err
		}
	}
	return Session{Token: token, Instance: c.address("", ""), OrgID: *id}, nil
}
