package sim

import (
	"encoding/json"
	"net/http"
)

// control answers /sim/…, for tests that run in another process:
//
//	GET, POST, DELETE /sim/faults   list, arm (one Fault or a list) and disarm all
//	GET               /sim/log      requests of late
//	GET               /sim/files    the truth about stored files
//	POST              /sim/reset    start again
//	POST              /sim/expire   expire every access token
func (o *Org) control(w *exchange, r *http.Request, p []string) {
	w.logged = true // the log is about clients of the org
	what := r.Method + " "
	if len(p) == 1 {
		what += p[0]
	}
	var answer any
	switch what {
	case "GET faults":
		answer = o.Faults()
	case "POST faults":
		var list []Fault
		var raw json.RawMessage
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&raw)
		if err == nil && len(raw) > 0 && raw[0] != '[' {
			raw = append(append([]byte("["), raw...), ']')
		}
		if err == nil {
			err = json.Unmarshal(raw, &list)
		}
		if err != nil {
			http.Error(w, "a fault is {\"verb\": …}: "+err.Error(), http.StatusBadRequest)
			return
		}
		o.Fail(list...)
		answer = o.Faults()
	case "DELETE faults":
		o.Heal()
		answer = o.Faults()
	case "GET log":
		answer = o.Log()
	case "GET files":
		answer = o.Files()
	case "POST reset":
		o.Reset()
		answer = struct{}{}
	case "POST expire":
		o.ExpireTokens()
		answer = struct{}{}
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}
