package salesforce

import (
	"context"
	"encoding/json"
	"fmt"
)

// Limit is one limit of an org and what is left of it.
type Limit struct{ Max, Remaining int64 }

// Limits asks what the org allows and what is left of it, by the platform's own names, for
// example DailyApiRequests. Storage is in MB. The call counts as one.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_limits.htm
func (c *Client) Limits(ctx context.Context) (map[string]Limit, error) {
	// Some entries nest others under them: only their own two numbers are read.
	var raw map[string]json.RawMessage
	if err := c.get(ctx, c.data("/limits"), "", &raw); err != nil {
		return nil, fmt.Errorf("ask for the org's limits: %w", err)
	}
	limits := map[string]Limit{}
	for name, text := range raw {
		var l struct{ Max, Remaining *int64 }
		if json.Unmarshal(text, &l) == nil && l.Max != nil && l.Remaining != nil {
			limits[name] = Limit{*l.Max, *l.Remaining}
		}
	}
	return limits, nil
}

// SignIn fetches a token, unless there is one, and says whether that worked.
func (c *Client) SignIn(ctx context.Context) error {
	_, err := c.session(ctx, "")
	return err
}
