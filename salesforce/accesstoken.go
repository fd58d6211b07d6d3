package salesforce

import "context"

// AccessToken returns a token for calls that the client does not make itself. It goes to the
// client's org only, and is never logged or stored.
func (c *Client) AccessToken(ctx context.Context) (string, error) { return c.session(ctx, "") }
