package cordon

import "time"

// KeyRow is a wrapping key at rest: encrypted under the master key, which is kept elsewhere.
type KeyRow struct {
	Tenant    TenantID
	ID        ID
	Kind      string // "subject", "intake" or "lookup"
	Name      string // unique within tenant and kind; a keyed hash or a date, never a name
	Wrapped   []byte
	CreatedAt time.Time
}
