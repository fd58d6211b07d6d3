package desk

import "time"

// BackfillPlan is what somebody says of a backfill.
type BackfillPlan struct {
	Objects []string  `json:"objects,omitzero" doc:"ContentVersion, Attachment, Document. Default: all three."`
	From    time.Time `json:"from,omitzero" doc:"Only files created then or later."`
	To      time.Time `json:"to,omitzero" doc:"Only files created before."`
	Types   []string  `json:"types,omitzero" doc:"Only files with these extensions, without the dot."`
	Sample  int       `json:"sample,omitzero" doc:"Take this many files, spread over all that match. 0: all."`
	Seed    uint64    `json:"seed,omitzero" doc:"Decides which files a sample takes: the same seed takes the same ones."`
	BackfillPace
}

// BackfillPace is how fast a backfill goes. It may be changed on the way.
type BackfillPace struct {
	Share   float64        `json:"share,omitzero" doc:"Part of the org's daily API calls that it may use, at most 1. Default: 0.2."`
	Workers int            `json:"workers,omitzero" doc:"Files read at a time, 1 to 64. Default: 4."`
	Rate    float64        `json:"rate,omitzero" doc:"API calls a second at most. 0: as many as it can."`
	Night   *BackfillNight `json:"night,omitzero" doc:"When it goes at this pace. Null: always."`
}

// BackfillNight is slow-night mode: the part of the day with the full pace.
type BackfillNight struct {
	Window  string  `json:"window,omitzero" doc:"Two times of day, such as 22:00-06:00."`
	Zone    string  `json:"zone,omitzero" doc:"IANA time zone of the window, such as Europe/Berlin. Default: UTC."`
	DayRate float64 `json:"day_rate,omitzero" doc:"API calls a second outside of the window. 0: it waits."`
}

// BackfillEstimate is what a backfill would meet and cost.
type BackfillEstimate struct {
	Files      int     `json:"files" doc:"Files that match."`
	Take       int     `json:"take" doc:"Of these, how many would be read: all, or the sample."`
	Bytes      int64   `json:"bytes" doc:"Of those that would be read; -1 where the org did not say."`
	Calls      int64   `json:"calls" doc:"API calls: pages of lists, and one for each file."`
	LeastHours float64 `json:"least_hours" doc:"A guess, by a tenth of a second a call and 10 MB/s, or by the rate asked for."`
	MostHours  float64 `json:"most_hours" doc:"A guess, by a second a call and 1 MB/s, or by the rate asked for."`
	Days       float64 `json:"days" doc:"How long it takes at least within its share of the org's daily calls; 0 where the org has not said how many there are."`
	DailyCalls int64   `json:"daily_calls" doc:"API calls that the org has in 24 hours, for everybody; 0 where it has not said."`

	Objects []BackfillObject `json:"objects"`
	Money   Money            `json:"money"`
}

// BackfillObject is what an object holds of what a backfill would meet.
type BackfillObject struct {
	Object string `json:"object"`
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes" doc:"-1 where the org did not say."`
}

// Money is what connected detectors take for something. No sum at all means that no detector
// costs.
type Money struct {
	Sums []Sum `json:"sums" doc:"One for each detector that costs. Empty: no connected detector costs."`
}

// Sum is what one detector takes.
type Sum struct {
	Detector string  `json:"detector"`
	Amount   float64 `json:"amount" doc:"If it looks at every file. -1 where it goes by bytes, and the org did not say how many."`
	Currency string  `json:"currency" doc:"ISO 4217, as the configuration has it."`
}

// Backfill is one backfill, how far it has come, and in the end its summary.
type Backfill struct {
	Name     string           `json:"name"`
	State    string           `json:"state" doc:"running, paused, stopped or done."`
	Plan     BackfillPlan     `json:"plan"`
	Estimate BackfillEstimate `json:"estimate" doc:"As it was when it was started."`
	Started  time.Time        `json:"started"`
	Ended    time.Time        `json:"ended,omitzero" doc:"Only when it is done or stopped."`
	AsOf     time.Time        `json:"as_of" doc:"When this was written down."`
	Waiting  *BackfillWaiting `json:"waiting" doc:"What a running one waits for; null while it works."`

	Taken     int   `json:"taken" doc:"Files behind it, of estimate.take."`
	Observed  int   `json:"observed" doc:"Of these, looked at for the first time."`
	WouldHold int   `json:"would_hold" doc:"Of those observed, what the policy would have kept back in front of the CRM."`
	Known     int   `json:"known" doc:"On record already."`
	Bytes     int64 `json:"bytes" doc:"Read. None of them are kept."`

	NotExamined []BackfillCount `json:"not_examined" doc:"Files that nobody could look at, by why: gone, not-readable, or stored elsewhere."`

	Calls       int64    `json:"calls" doc:"API calls, failed ones included."`
	CallsUnsure int64    `json:"calls_unsure" doc:"How many more processes may have made that were killed before they could book them."`
	CallsLeast  int64    `json:"calls_least" doc:"How few calls the observed files can cost: one download a file, one call a page of the lists."`
	Per1000     *float64 `json:"calls_per_1000" doc:"Calls for 1000 observed files; null while none are."`
	LeastPer    *float64 `json:"least_per_1000" doc:"The least possible for the same files."`

	Speed  *BackfillSpeed `json:"speed" doc:"Null while it is unknown or at the end."`
	Spent  Money          `json:"spent"`
	Worked float64        `json:"worked_seconds" doc:"Spent listing, reading and recording."`
	Wall   float64        `json:"wall_seconds" doc:"From the start to the end, or until now."`
	Waits  []BackfillWait `json:"waits" doc:"What the rest went into."`

	ByObject  []BackfillPart  `json:"by_object"`
	ByChannel []BackfillPart  `json:"by_channel"`
	Outcomes  []BackfillCount `json:"outcomes" doc:"Of observed files."`
	Reasons   []BackfillCount `json:"reasons" doc:"Of observed files; one can have several."`
}

// BackfillWaiting is a wait that has not ended.
type BackfillWaiting struct {
	Why   string    `json:"why" doc:"budget: API calls. night: its window. away: the org does not answer. down: no process runs it."`
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero" doc:"Only where it is known."`
}

// BackfillSpeed is how fast it goes, and the time left as a range, waits apart.
type BackfillSpeed struct {
	FilesPerSecond float64 `json:"files_per_second" doc:"Over the last batches."`
	LeastLeft      float64 `json:"least_seconds_left" doc:"If it goes on as in the fastest of the last batches."`
	MostLeft       float64 `json:"most_seconds_left" doc:"If it goes on as in the slowest of the last batches."`
	DaysLeft       float64 `json:"days_left" doc:"How long it takes at least within its share of the org's daily calls; 0 where that is unknown."`
}

// BackfillWait is how often and how long it has waited for one thing.
type BackfillWait struct {
	Why     string  `json:"why" doc:"paused, by a person; or budget, night, away, down."`
	Times   int     `json:"times"`
	Seconds float64 `json:"seconds"`
}

// BackfillPart is what was met in one object, or came by one channel.
type BackfillPart struct {
	Name        string `json:"name"`
	Files       int    `json:"files" doc:"Observed."`
	WouldHold   int    `json:"would_hold"`
	NotExamined int    `json:"not_examined"`
	Bytes       int64  `json:"bytes"`
}

// BackfillCount is how many files one code applies to.
type BackfillCount struct {
	Code  string `json:"code"`
	Count int    `json:"count"`
}
