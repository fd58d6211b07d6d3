package sim

import (
	"net/http"
	"time"
)

// jobKind says which of the bulk APIs a job belongs to.
type jobKind int

const (
	bulkIngest jobKind = iota // Bulk API 2.0, rows in
	bulkQuery                 // Bulk API 2.0, rows out
	bulkFirst                 // the first Bulk API, either way
)

// job is one bulk job, of either Bulk API.
type job struct {
	id, object, operation, key string
	kind                       jobKind
	state                      string
	delimiter, ending          string
	version                    string
	who                        *person
	created                    time.Time
	data                       *blob
	message                    string // why the job as a whole failed

	columns           []string
	succeeded, failed [][]string

	soql string     // of a query
	rows [][]string // what it found, under columns

	contentType string   // of the first Bulk API
	batches     []*batch // of the first Bulk API
}

// mayUse says why the caller has no such job.
func (c *call) mayUse(j *job, kind jobKind) error {
	if j == nil || j.kind != kind {
		return newFault(http.StatusNotFound, "INVALIDJOB", "job not found")
	}
	if j.who != c.who && !c.who.Profile.ModifyAllData {
		return newFault(http.StatusForbidden, "INSUFFICIENT_ACCESS", "insufficient access rights on the job")
	}
	return nil
}
