package sim

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Versions of the API. What is older than the oldest served was retired: releases of every
// summer said so beforehand.
// https://help.salesforce.com/s/articleView?id=000381744
const (
	latestVersion = "68.0"
	oldestListed  = 58
	oldestServed  = 31
	newestServed  = 68
)

// apiVersion reads the version that an address names: "64.0" of "v64.0". What is no version
// is not found; what was one once is gone.
func apiVersion(segment string) (string, *fault) {
	number, good := strings.CutPrefix(strings.ToLower(segment), "v")
	major, zero := strings.CutSuffix(number, ".0")
	n, err := strconv.Atoi(major)
	switch {
	case !good || !zero || err != nil || strconv.Itoa(n) != major || n < 1 || n > newestServed:
		return "", notFound()
	case n < oldestServed:
		return "", newFault(http.StatusGone, "UNSUPPORTED_API_VERSION",
			"API version %s is retired. Use version %d.0 or later.", number, oldestServed)
	}
	return number, nil
}

func (o *Org) versions(w *exchange, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.refuse(r, methodNotAllowed(r.Method, "GET", "HEAD"))
		return
	}
	seasons := []string{"Spring", "Summer", "Winter"}
	list := []any{}
	for v := oldestListed; v <= newestServed; v++ {
		// Version 58 was Summer '23; Winter carries the next year's number.
		n := v - 57
		year := 23 + n/3
		label := fmt.Sprintf("%s '%02d", seasons[n%3], year)
		if n%3 == 2 {
			label = fmt.Sprintf("%s '%02d", seasons[2], year+1)
		}
		list = append(list, object{{"label", label}, {"url", fmt.Sprintf("/services/data/v%d.0", v)}, {"version", fmt.Sprintf("%d.0", v)}})
	}
	a := ok(list)
	a.root = "Versions"
	w.answer(r, a)
}
