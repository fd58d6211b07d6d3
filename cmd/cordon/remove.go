package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon"
)

func removeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove",
		Short: "List proposals to take files out of the CRM, look at one, accept or dismiss it",
		Long: `A file that was passed on is proposed for removal when a check that came late, or a list of known
files that grew, would have kept it back. It stays where it is: this release takes nothing out of
the CRM by itself. Accepting puts on record that a person wants it out and says what to do by hand;
dismissing lets it stay and destroys Cordon's copy.

These commands call the API of a running gateway. CORDON_URL is the console's address and
CORDON_TOKEN the access token of your account, so that every act has an actor.`,
		Example: `  export CORDON_URL=http://127.0.0.1:8090 CORDON_TOKEN=crd_…
  cordon remove list
  cordon remove status rem_01kq…
  cordon remove accept rem_01kq… --reason harmful --note "the clinic never sent this picture"
  cordon remove dismiss rem_01kq… --reason genuine`,
	}
	cmd.AddCommand(removeList(), removeStatus(), removeDecide("accept"), removeDecide("dismiss"))
	return cmd
}

// apiRemoval is a removal as the API gives it.
type apiRemoval struct {
	ID         cordon.ID
	Version    int64
	State      string
	Item       apiItem
	Cause      string
	Outcome    cordon.Outcome
	Reasons    []cordon.Reason
	ProposedAt time.Time  `json:"proposed_at"`
	DecidedAt  *time.Time `json:"decided_at"`
	By         string
	Review     string
	Note       string
	Link       string
	ToDo       []string `json:"to_do"`
}

func removeList() *cobra.Command {
	var asJSON bool
	var state string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List proposals, the one that changed last first",
		Example: "  cordon remove list\n  cordon remove list --state accepted\n  cordon remove list --json | jq -r '.removals[].id'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			if state != "any" {
				q.Set("state", state)
			}
			var raw []byte
			if _, err := c.call(cmd.Context(), "GET", "/v1/removals?"+q.Encode(), nil, &raw); err != nil {
				return err
			}
			if asJSON {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
				return err
			}
			var page struct {
				Removals []apiRemoval
				Next     cordon.ID
				Waiting  int
			}
			if err := json.Unmarshal(raw, &page); err != nil {
				return err
			}
			return writeRemovals(cmd.OutOrStdout(), cmd.ErrOrStderr(), page.Removals, page.Waiting, page.Next != "")
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the API's answer")
	cmd.Flags().StringVar(&state, "state", "proposed", "proposed, accepted, dismissed or any")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most this many, 1 to 200")
	return cmd
}

func writeRemovals(out, notes io.Writer, list []apiRemoval, waiting int, more bool) error {
	fmt.Fprintf(notes, "Proposals that wait for a decision: %d.\n", waiting)
	if len(list) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REMOVAL\tSTATE\tPROPOSED\tITEM\tIN THE CRM\tWHY")
	for _, r := range list {
		at := r.Item.UpstreamID
		if at == "" {
			at = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s ago\t%s\t%s\t%s\n", r.ID, r.State, age(time.Since(r.ProposedAt)), r.Item.ID, at, why(&cordon.Verdict{Outcome: r.Outcome, Reasons: r.Reasons}))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if more {
		fmt.Fprintln(notes, "There are more; raise --limit, or open the console.")
	}
	return nil
}

func removeStatus() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "status REMOVAL",
		Short:   "Show one proposal: what came to light, who decided, what to do now",
		Example: "  cordon remove status rem_01kq…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := removalArg(args[0])
			if err != nil {
				return err
			}
			var raw []byte
			if _, err := c.call(cmd.Context(), "GET", "/v1/removals/"+string(id), nil, &raw); err != nil {
				return err
			}
			if asJSON {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
				return err
			}
			var r apiRemoval
			if err := json.Unmarshal(raw, &r); err != nil {
				return err
			}
			return writeRemoval(cmd.OutOrStdout(), r)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the API's answer")
	return cmd
}

func writeRemoval(out io.Writer, r apiRemoval) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "removal\t%s\nstate\t%s\nversion\t%d\nproposed\t%s, by %s\n", r.ID, r.State, r.Version, r.ProposedAt.UTC().Format(time.RFC3339), r.Cause)
	fmt.Fprintf(w, "item\t%s, %s (see: cordon hold show %s)\n", r.Item.ID, r.Item.State, r.Item.ID)
	for _, reason := range r.Reasons {
		fmt.Fprintf(w, "\t%s: %s\n", reason, reason.Text())
	}
	if r.Link != "" {
		fmt.Fprintf(w, "in the CRM\t%s\n", r.Link)
	}
	if r.DecidedAt != nil {
		fmt.Fprintf(w, "decided\t%s by %s: %s\n", r.DecidedAt.UTC().Format(time.RFC3339), r.By, r.Review)
	}
	if r.Note != "" {
		fmt.Fprintf(w, "note\t%q\n", r.Note)
	}
	for i, s := range r.ToDo {
		name := ""
		if i == 0 {
			name = "to do"
		}
		fmt.Fprintf(w, "%s\t%s\n", name, s)
	}
	return w.Flush()
}

func removeDecide(verb string) *cobra.Command {
	var reason, note string
	var version int64
	cmd := &cobra.Command{Use: verb + " REMOVAL --reason REASON", Args: cobra.ExactArgs(1)}
	switch verb {
	case "accept":
		cmd.Short = "Say that a file is to be taken out of the CRM, and be told how"
		cmd.Long = `Put on record that a file is to be taken out of the CRM. This release does not take it out: the
answer says what to do by hand, with a link. --note says why and is needed.`
		cmd.Example = "  cordon remove accept rem_01kq… --reason harmful --note \"the clinic never sent this picture\""
		cmd.Flags().StringVar(&reason, "reason", "", "harmful")
	case "dismiss":
		cmd.Short = "Let a file stay in the CRM; Cordon's copy is destroyed"
		cmd.Long = `Put on record that a file stays in the CRM. Cordon's copy of it is destroyed.`
		cmd.Example = "  cordon remove dismiss rem_01kq… --reason lawful-synthetic --note \"picture of a leaflet\""
		cmd.Flags().StringVar(&reason, "reason", "", "genuine or lawful-synthetic")
	}
	cmd.Flags().StringVar(&note, "note", "", "free text for other reviewers; sealed, never in the ledger")
	cmd.Flags().Int64Var(&version, "version", 0, "version of the proposal as \"cordon remove status\" showed it: if its reasons have changed since, nothing is decided")
	_ = cmd.MarkFlagRequired("reason")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, id, err := removalArg(args[0])
		if err != nil {
			return err
		}
		var r apiRemoval
		decision := map[string]any{"reason": reason, "note": note}
		if version > 0 {
			decision["version"] = version
		}
		if _, err := c.call(cmd.Context(), "POST", "/v1/removals/"+string(id)+"/"+verb, decision, &r); err != nil {
			return err
		}
		return writeRemoval(cmd.OutOrStdout(), r)
	}
	return cmd
}

func removalArg(arg string) (*client, cordon.ID, error) {
	id, err := cordon.ParseID(cordon.PrefixRemoval, arg)
	if err != nil {
		return nil, "", err
	}
	c, err := newClient()
	return c, id, err
}
