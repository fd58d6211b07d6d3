package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon"
)

func adoptCommand() *cobra.Command {
	var note, source, external string
	var again, versions, asJSON bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "adopt LINK|ID",
		Short: "Have a file or a record of the CRM looked at, by its link or id",
		Long: `Have a file of the CRM looked at that somebody pointed at, or the files of a record. LINK is an
address as a browser shows it, a download, a public link or a REST resource; nobody opens it, only
the ids in it are used, and it must be of the tenant's own org. A record stands for its newest 25
files. Nothing in the CRM is changed.

It prints the verdict on each file, copies of it, and what is near: other versions, the same
checksum, the same record, the same creator at about the same time. That is context, not evidence.
What nobody has looked at can be adopted by its id.

This command calls the API of a running gateway; see CORDON_URL and CORDON_TOKEN in "cordon --help".`,
		Example: `  cordon adopt https://clinic.lightning.force.com/lightning/r/ContentDocument/0695g000004QwErAAK/view
  cordon adopt 5005g00000XyZ12AAF --note "the caller asked for a bank transfer"
  cordon adopt 0685g00000XyZ12AAF --again --json
  cordon adopt list
  cordon adopt show alr_01kq…`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			in := map[string]any{"note": note, "source": source, "external_id": external, "again": again, "versions": versions}
			if strings.ContainsAny(args[0], "/.:#?") {
				in["url"] = args[0]
			} else {
				in["id"] = args[0]
			}
			var raw json.RawMessage
			if _, err := c.call(cmd.Context(), "POST", "/v1/alerts", in, &raw); err != nil {
				return err
			}
			if raw, err = c.answered(cmd.Context(), raw, wait); err != nil {
				return err
			}
			return writeAlert(cmd.OutOrStdout(), raw, asJSON)
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "free text; sealed with the files, never in the ledger")
	cmd.Flags().StringVar(&source, "source", "", "name of the tool that reports, in a short code")
	cmd.Flags().StringVar(&external, "external-id", "", "what you call the alert; the same again gets the first one")
	cmd.Flags().BoolVar(&again, "again", false, "look once more at what was looked at before")
	cmd.Flags().BoolVar(&versions, "versions", false, "look at every version of a document, not only the latest")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the API's answer")
	cmd.Flags().DurationVar(&wait, "wait", time.Minute, "how long to wait for the answer; 0: do not wait")
	cmd.AddCommand(adoptList(), adoptShow())
	return cmd
}

func adoptList() *cobra.Command {
	var asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List what was reported, what changed last first",
		Example: "  cordon adopt list\n  cordon adopt list --json | jq -r '.alerts[].id'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			var raw json.RawMessage
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			if _, err := c.call(cmd.Context(), "GET", "/v1/alerts?"+q.Encode(), nil, &raw); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if asJSON {
				_, err := fmt.Fprintf(out, "%s\n", raw)
				return err
			}
			var page struct{ Alerts []apiAlert }
			if err := json.Unmarshal(raw, &page); err != nil {
				return err
			}
			if len(page.Alerts) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "Nothing was reported.")
				return nil
			}
			w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ALERT\tSTATE\tAGE\tWHAT\tBY\tFILES\tNOT SHOWN")
			for _, a := range page.Alerts {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\n", a.ID, a.State, age(time.Since(a.At)), a.What, a.reporter(), a.Count, a.Missing)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the API's answer")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most this many, 1 to 200")
	return cmd
}

func adoptShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show ALERT",
		Short:   "Show what came of a report, as it stands now",
		Example: "  cordon adopt show alr_01kq…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := cordon.ParseID(cordon.PrefixAlert, args[0])
			if err != nil {
				return err
			}
			c, err := newClient()
			if err != nil {
				return err
			}
			var raw json.RawMessage
			if _, err := c.call(cmd.Context(), "GET", "/v1/alerts/"+string(id), nil, &raw); err != nil {
				return err
			}
			return writeAlert(cmd.OutOrStdout(), raw, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the API's answer")
	return cmd
}

// apiAlert is an alert as the API gives it.
type apiAlert struct {
	ID                                 cordon.ID
	State, By, Source, What            string
	At                                 time.Time
	Count, Further, Elsewhere, Missing int
	Untold                             bool
	Picture                            bool `json:"rich_text_picture"`
	Items                              []struct {
		Item   apiItem
		Copies []apiItem
		Known  bool `json:"copies_known"`
	}
	Around []struct {
		Relation string
		Complete bool
		More     int
		Files    []struct {
			Object     string
			UpstreamID string `json:"upstream_id"`
			Size       int64
			CreatedAt  time.Time `json:"created_at"`
			Item       *apiItem
		}
	}
	Window int `json:"creator_window_minutes"`
}

func (a apiAlert) reporter() string {
	if a.Source != "" {
		return a.Source
	}
	kind, _, _ := strings.Cut(a.By, "/")
	return kind
}

// answered polls until an alert is answered, or the wait is over.
func (c *client) answered(ctx context.Context, raw json.RawMessage, wait time.Duration) (json.RawMessage, error) {
	for deadline := time.Now().Add(wait); ; {
		var a apiAlert
		if err := json.Unmarshal(raw, &a); err != nil || a.State == "answered" || time.Now().After(deadline) {
			return raw, err
		}
		select {
		case <-ctx.Done():
			return raw, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
		if _, err := c.call(ctx, "GET", "/v1/alerts/"+string(a.ID), nil, &raw); err != nil {
			return raw, err
		}
	}
}

func writeAlert(out io.Writer, raw json.RawMessage, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(out, "%s\n", raw)
		return err
	}
	var a apiAlert
	if err := json.Unmarshal(raw, &a); err != nil {
		return err
	}
	if a.State != "answered" {
		_, err := fmt.Fprintf(out, "%s is on record and still being looked at (see: cordon adopt show %s)\n", a.ID, a.ID)
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "alert\t%s (%s)\n", a.ID, a.What)
	for _, it := range a.Items {
		fmt.Fprintf(w, "file\t%s %s\t%s\t%s\t%s\n", it.Item.Object, it.Item.UpstreamID, it.Item.ID, it.Item.State, judged(it.Item))
		for _, c := range it.Copies {
			fmt.Fprintf(w, "  same bytes\t%s %s\t%s\t%s\t%s\n", c.Object, c.UpstreamID, c.ID, c.State, judged(c))
		}
		if !it.Known {
			fmt.Fprintln(w, "  same bytes\tunknown: the digest went with the item's key")
		}
	}
	for _, n := range []struct {
		n    int
		what string
	}{{a.Further, "more on the record, not looked at"}, {a.Elsewhere, "only links: the CRM does not hold their bytes"},
		{a.Missing, "named and not shown by the CRM: deleted for good, or not for Cordon to see"}} {
		if n.n > 0 {
			fmt.Fprintf(w, "files\t%d %s\n", n.n, n.what)
		}
	}
	if a.Untold {
		fmt.Fprintln(w, "link\tthe CRM does not tell Cordon what is behind it")
	}
	if a.Picture {
		fmt.Fprintln(w, "picture\tthe picture in the text was not read: this release reads none")
	}
	if a.Count+a.Further+a.Elsewhere+a.Missing == 0 && !a.Untold {
		fmt.Fprintln(w, "files\tnone that the CRM shows Cordon")
	}
	for _, list := range a.Around {
		what := list.Relation
		if what == "creator" {
			what = fmt.Sprintf("creator ±%d min", a.Window)
		}
		for _, f := range list.Files {
			if f.Item == nil {
				fmt.Fprintf(w, "near: %s\t%s %s\tnobody looked at it\n", what, f.Object, f.UpstreamID)
			} else {
				fmt.Fprintf(w, "near: %s\t%s %s\t%s\t%s\t%s\n", what, f.Object, f.UpstreamID, f.Item.ID, f.Item.State, judged(*f.Item))
			}
		}
		switch {
		case list.More > 0:
			fmt.Fprintf(w, "near: %s\t%d more\n", what, list.More)
		case !list.Complete:
			fmt.Fprintf(w, "near: %s\tnot all is known\n", what)
		}
	}
	return w.Flush()
}

func judged(it apiItem) string {
	if it.Verdict == nil {
		return "no verdict yet"
	}
	if said := why(it.Verdict); said != string(it.Verdict.Outcome) {
		return fmt.Sprintf("%s: %s", it.Verdict.Outcome, said)
	}
	return string(it.Verdict.Outcome)
}
