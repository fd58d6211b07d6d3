package app

import (
	"fmt"
	"time"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/inspect/c2pa"
)

// TrustLine says of one trust list what a person should know.
type TrustLine struct {
	Tenant       cordon.TenantID `json:"tenant"` // "" where files were named without a configuration
	Use          c2pa.Use        `json:"use"`
	Name         string          `json:"name"`
	Version      string          `json:"version"`
	Date         string          `json:"date"`  // of publication, "" if unknown; days are like 2026-11-21
	From         string          `json:"from"`  // "": always was
	Until        string          `json:"until"` // "": still is
	InForce      bool            `json:"in_force"`
	Source       string          `json:"source"`
	SHA256       string          `json:"sha256"`
	Certificates int             `json:"certificates"`
	Warnings     []string        `json:"warnings"` // never nil
}

// listAge is how old a list may be before somebody should look for a newer one.
const listAge = 180 * 24 * time.Hour

// TrustLines describes all lists of the configuration at a time.
func (c Config) TrustLines(at time.Time) ([]TrustLine, error) {
	var out []TrustLine
	for _, t := range c.Tenants {
		lines, err := t.trust().lines(c.path, at)
		if err != nil {
			return nil, fmt.Errorf("tenant %s: %w", t.ID, err)
		}
		for i := range lines {
			lines[i].Tenant = t.ID
		}
		out = append(out, lines...)
	}
	return out, nil
}

// Lines describes the lists at a time.
func (c TrustConfig) Lines(at time.Time) ([]TrustLine, error) {
	return c.lines(func(p string) string { return p }, at)
}

func (c TrustConfig) lines(path func(string) string, at time.Time) ([]TrustLine, error) {
	lists, denied, err := c.read(path)
	if err != nil {
		return nil, err
	}
	out := []TrustLine{}
	for _, l := range lists {
		record, certificates, err := c2pa.ReadList(l)
		if err != nil {
			return nil, err
		}
		line := TrustLine{Use: l.Use, Name: l.Name, Version: l.Version, Date: dayOf(l.Date), From: dayOf(l.From), Until: dayOf(l.Until),
			InForce: l.InForce(at), Source: l.Source, SHA256: record.SHA256, Certificates: record.Certificates, Warnings: []string{}}
		warn := func(format string, args ...any) { line.Warnings = append(line.Warnings, fmt.Sprintf(format, args...)) }
		switch {
		case l.Date.IsZero():
			warn("nothing says when it was published: put date into the file beside it")
		case line.InForce && l.Until.IsZero() && at.Sub(l.Date) > listAge:
			warn("published %d days ago: look for a newer one", int(at.Sub(l.Date).Hours()/24))
		}
		ended, ending := 0, 0
		for _, cert := range certificates {
			switch {
			case at.After(cert.NotAfter):
				ended++
			case at.AddDate(0, 0, 30).After(cert.NotAfter):
				ending++
			}
		}
		if line.InForce && ended > 0 {
			warn("%d of its certificates are out of date", ended)
		}
		if line.InForce && ending > 0 {
			warn("%d of its certificates end within 30 days", ending)
		}
		out = append(out, line)
	}
	if c.Denied != "" {
		out = append(out, TrustLine{Use: "denied", Name: path(c.Denied), InForce: true, Certificates: len(denied), Warnings: []string{}})
	}
	return out, nil
}

func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
