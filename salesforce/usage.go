package salesforce

import (
	"strconv"
	"strings"
	"sync"
)

// Usage is what calls have cost of an org's daily allowance.
type Usage struct {
	Calls int64 // API calls that this client made since it was opened
	Used  int64 // by everybody in the last 24 hours, as the org last said; 0 before it did
	Limit int64 // API calls in 24 hours; 0 until the org has said
}

// Usage returns what the client knows of the org's API budget. Each answer of the org tells.
// https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
func (c *Client) Usage() Usage {
	c.usage.mu.Lock()
	defer c.usage.mu.Unlock()
	return c.usage.Usage
}

type usage struct {
	mu sync.Mutex
	Usage
}

// count counts a request that may have reached the org. Only the data API is metered.
func (u *usage) count(path string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if strings.HasPrefix(path, "/services/data/") {
		u.Calls++
	}
}

// read takes the allowance from a header such as "api-usage=18/5000".
func (u *usage) read(header string) {
	parts := strings.FieldsFunc(header, func(r rune) bool { return r == ',' || r == ';' })
	for _, part := range parts {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		used, limit, found := strings.Cut(value, "/")
		if name != "api-usage" || !found {
			continue
		}
		n, err1 := strconv.ParseInt(used, 10, 64)
		most, err2 := strconv.ParseInt(limit, 10, 64)
		if err1 == nil && err2 == nil {
			u.mu.Lock()
			u.Used, u.Limit = n, most
			u.mu.Unlock()
		}
	}
}
