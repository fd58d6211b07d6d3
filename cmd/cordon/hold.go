package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon"
)

func holdCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hold",
		Short: "List what waits for a person, look at it, release it, keep it out or settle it",
		Long: `Holds are items that Cordon keeps back until a person has decided. What is unsettled waits for
a person as well: the answer to its write was lost.

These commands call the API of a running gateway. CORDON_URL is the console's address and
CORDON_TOKEN the access token of your account, so that every act has an actor.`,
		Example: `  export CORDON_URL=http://127.0.0.1:8090 CORDON_TOKEN=crd_…
  cordon hold list
  cordon hold show itm_01kq…
  cordon hold release itm_01kq… --reason genuine
  cordon hold reject itm_01kq… --reason harmful --note "the clinic never sent this letter"
  cordon hold settle itm_01kq… --there 068Wx00000ABCDE`,
	}
	cmd.AddCommand(holdList(), holdShow(), holdDecide("release"), holdDecide("reject"), holdSettle())
	return cmd
}

// apiItem is an item as the API gives it.
type apiItem struct {
	ID         cordon.ID        `json:"id"`
	State      cordon.State     `json:"state"`
	Standing   apiStanding      `json:"standing"`
	Route      string           `json:"route"`
	Channel    string           `json:"channel"`
	Size       int64            `json:"size"`
	MediaType  string           `json:"media_type"`
	Object     string           `json:"object"`
	UpstreamID string           `json:"upstream_id"`
	Verdict    *cordon.Verdict  `json:"verdict"`
	Findings   []cordon.Finding `json:"findings"`
	Personal   *struct {
		Name, Subject, Username string
	} `json:"personal"`
	ReceivedAt time.Time `json:"received_at"`
}

// apiStanding says in words how an item stands.
type apiStanding struct {
	Name, Next string
	Owes       cordon.Debt
	Place      cordon.Place
}

// placeWords head the line that says where an item's content goes.
var placeWords = map[cordon.Place]string{
	cordon.PlaceBefore: "would go to", cordon.PlaceGoing: "goes to", cordon.PlaceIn: "is in", cordon.PlaceOut: "would have gone to",
	cordon.PlaceWas: "was in", cordon.PlaceUnknown: "may be in", cordon.PlaceNowhere: "was for",
}

func holdList() *cobra.Command {
	var asJSON bool
	var state, owes string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List what waits, oldest first",
		Example: "  cordon hold list\n  cordon hold list --state unsettled\n  cordon hold list --owes delivery\n  cordon hold list --json | jq -r '.items[].id'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			which := url.Values{"state": {state}}
			if owes != "" {
				if cmd.Flags().Changed("state") {
					return fmt.Errorf("%w: give --state or --owes, and not both", cordon.ErrInvalid)
				}
				which = url.Values{"owes": {owes}}
			}
			q := url.Values{"state": which["state"], "owes": which["owes"], "order": {"oldest"}, "limit": {strconv.Itoa(limit)}}
			var raw []byte
			if _, err := c.call(cmd.Context(), "GET", "/v1/items?"+q.Encode(), nil, &raw); err != nil {
				return err
			}
			if asJSON {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
				return err
			}
			nothing := "Nothing waits."
			if owes != "" {
				nothing = "Nothing owes " + owes + "."
			} else if s := cordon.State(state); !s.Waits() {
				nothing = "No item is " + s.Word() + "."
			}
			var page struct {
				Items []apiItem
				Next  cordon.ID
			}
			if err := json.Unmarshal(raw, &page); err != nil {
				return err
			}
			return writeHolds(cmd.OutOrStdout(), cmd.ErrOrStderr(), page.Items, page.Next != "", nothing)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the API's answer")
	cmd.Flags().StringVar(&state, "state", string(cordon.Held), "items in this state, for example held or unsettled")
	cmd.Flags().StringVar(&owes, "owes", "", "instead of a state, items that owe this: decision, settlement, delivery, rescan, verdict or outcome")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most this many, 1 to 200")
	return cmd
}

// writeHolds writes a list, or to notes that there is nothing.
func writeHolds(out, notes io.Writer, items []apiItem, more bool, nothing string) error {
	if len(items) == 0 {
		fmt.Fprintln(notes, nothing)
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if waits := !slices.ContainsFunc(items, func(it apiItem) bool { return !it.State.Waits() }); waits {
		fmt.Fprintln(w, "RECEIPT\tSTATE\tWAITING\tROUTE\tTYPE\tWHY")
		for _, it := range items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", it.ID, it.State, age(time.Since(it.ReceivedAt)), it.Route, it.MediaType, why(it.Verdict))
		}
	} else { // nobody waits for these: they came some time ago, and are something now
		fmt.Fprintln(w, "RECEIPT\tSTATE\tCAME\tROUTE\tTYPE\tNOW\tWHY")
		for _, it := range items {
			fmt.Fprintf(w, "%s\t%s\t%s ago\t%s\t%s\t%s\t%s\n", it.ID, it.State, age(time.Since(it.ReceivedAt)), it.Route, it.MediaType, it.Standing.Name, why(it.Verdict))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if more {
		fmt.Fprintln(notes, "There are more; raise --limit, or open the console.")
	}
	return nil
}

func why(v *cordon.Verdict) string {
	if v == nil {
		return "no verdict yet"
	}
	for _, r := range v.Reasons {
		if t := r.Text(); t != "" {
			return t
		}
	}
	return string(v.Outcome)
}

// age says roughly how long ago, the way people say it.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

func holdShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show RECEIPT",
		Short: "Show one item: what it is, what was found, where it would have gone",
		Long: `Show one item by the number on its receipt: what it is, what was found and decided, where it would
have gone, and every entry about it. Names are shown to reviewers only; what went with the item's
key is gone for everybody.`,
		Example: "  cordon hold show itm_01kq…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := clientFor(args[0])
			if err != nil {
				return err
			}
			var raw []byte
			if _, err := c.call(cmd.Context(), "GET", "/v1/items/"+string(id), nil, &raw); err != nil {
				return err
			}
			if asJSON {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
				return err
			}
			var it apiItem
			if err := json.Unmarshal(raw, &it); err != nil {
				return err
			}
			var h history
			if _, err := c.call(cmd.Context(), "GET", "/v1/items/"+string(id)+"/history", nil, &h); err != nil {
				return err
			}
			return writeItem(cmd.OutOrStdout(), it, h)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the API's answer")
	return cmd
}

type history struct {
	Entries []struct {
		Kind  cordon.EntryKind
		At    time.Time
		Actor string
		Index *int64
		Facts struct{ Cause cordon.Cause }
	}
}

func writeItem(out io.Writer, it apiItem, h history) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "receipt\t%s\nstate\t%s\nthat is\t%s\nowed\t%s\nreceived\t%s\n", it.ID, it.State, it.Standing.Name, it.Standing.Next, it.ReceivedAt.UTC().Format(time.RFC3339))
	fmt.Fprintf(w, "what it is\t%s, %d bytes, by route %s (%s)\n", it.MediaType, it.Size, it.Route, it.Channel)
	if it.Personal != nil && it.Personal.Name != "" {
		fmt.Fprintf(w, "name\t%q\n", it.Personal.Name)
	}
	into := it.Object
	if it.Standing.Place == cordon.PlaceNowhere {
		into = "a verdict alone"
	}
	fmt.Fprintf(w, "%s\t%s", cmp.Or(placeWords[it.Standing.Place], "would go to"), into)
	if it.Personal != nil && it.Personal.Subject != "" {
		fmt.Fprintf(w, " of %s", it.Personal.Subject)
	}
	fmt.Fprintln(w)
	if it.UpstreamID != "" {
		fmt.Fprintf(w, "is there as\t%s\n", it.UpstreamID)
	}
	if it.Verdict != nil {
		fmt.Fprintf(w, "verdict\t%s, %s (policy %s)\n", it.Verdict.Outcome, it.Verdict.Action, it.Verdict.Policy)
		for _, r := range it.Verdict.Reasons {
			fmt.Fprintf(w, "\t%s: %s\n", r, r.Text())
		}
	}
	for _, f := range it.Findings {
		said := f.Sentence
		if said == "" { // gone with the item's key
			said = string(f.Label)
		}
		fmt.Fprintf(w, "%s %s\t%s\n", f.Detector, f.Version, said)
	}
	for _, e := range h.Entries {
		place := "not yet numbered"
		if e.Index != nil {
			place = "entry " + strconv.FormatInt(*e.Index, 10)
		}
		why := ""
		if e.Facts.Cause != "" {
			why = ": " + string(e.Facts.Cause)
		}
		fmt.Fprintf(w, "%s\t%s%s by %s (%s)\n", e.At.UTC().Format(time.TimeOnly), e.Kind, why, e.Actor, place)
	}
	return w.Flush()
}

func holdDecide(verb string) *cobra.Command {
	var reason, note string
	var wait time.Duration
	cmd := &cobra.Command{Use: verb + " RECEIPT --reason REASON", Args: cobra.ExactArgs(1)}
	switch verb {
	case "release":
		cmd.Short = "Let a held item go; Cordon delivers it"
		cmd.Long = `Let a held item go. Cordon delivers it under its own identity, once, after asking the CRM again
whether its uploader may still edit the target; if not, it stays held. Without --wait 0 the command
waits to see it arrive.`
		cmd.Example = "  cordon hold release itm_01kq… --reason genuine\n  cordon hold release itm_01kq… --reason lawful-synthetic --note \"voice of a speech device\""
		cmd.Flags().StringVar(&reason, "reason", "", "genuine or lawful-synthetic")
	case "reject":
		cmd.Short = "Keep a held item out; its bytes stay as evidence"
		cmd.Long = `Keep a held item out for good. Its bytes stay, encrypted, as evidence; a rejection cannot be taken
back. --note says why and is needed: whoever sent the file may ask.`
		cmd.Example = "  cordon hold reject itm_01kq… --reason harmful --note \"the clinic never sent this letter\""
		cmd.Flags().StringVar(&reason, "reason", "", "harmful")
	}
	cmd.Flags().StringVar(&note, "note", "", "free text for other reviewers; sealed with the item, never in the ledger")
	if verb == "release" {
		cmd.Flags().DurationVar(&wait, "wait", 15*time.Second, "how long to wait for the delivery; 0: do not wait")
	}
	_ = cmd.MarkFlagRequired("reason")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, id, err := clientFor(args[0])
		if err != nil {
			return err
		}
		var it apiItem
		in := map[string]string{"reason": reason, "note": note}
		if _, err := c.call(cmd.Context(), "POST", "/v1/items/"+string(id)+"/"+verb, in, &it); err != nil {
			return err
		}
		if verb == "release" {
			if it, err = c.settled(cmd.Context(), it, wait); err != nil {
				return err
			}
		}
		return report(cmd.OutOrStdout(), it)
	}
	return cmd
}

// settled polls until a released item has arrived, or the wait is over.
func (c *client) settled(ctx context.Context, it apiItem, wait time.Duration) (apiItem, error) {
	for deadline := time.Now().Add(wait); it.Standing.Owes == cordon.OweDelivery || it.Standing.Owes == cordon.OweOutcome; {
		if time.Now().After(deadline) {
			return it, nil
		}
		select {
		case <-ctx.Done():
			return it, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		if _, err := c.call(ctx, "GET", "/v1/items/"+string(it.ID), nil, &it); err != nil {
			return it, err
		}
	}
	return it, nil
}

func report(out io.Writer, it apiItem) (err error) {
	switch it.State {
	case cordon.Delivered:
		_, err = fmt.Fprintf(out, "%s is delivered as %s\n", it.ID, it.UpstreamID)
	case cordon.Released, cordon.Forwarding:
		if it.Standing.Owes == "" {
			_, err = fmt.Fprintf(out, "%s is released\n", it.ID)
		} else {
			_, err = fmt.Fprintf(out, "%s is released; its delivery goes on (see: cordon hold show %s)\n", it.ID, it.ID)
		}
	case cordon.Held:
		_, err = fmt.Fprintf(out, "%s is still held; see: cordon hold show %s\n", it.ID, it.ID)
	default:
		_, err = fmt.Fprintf(out, "%s is %s\n", it.ID, it.State)
	}
	return err
}

func clientFor(arg string) (*client, cordon.ID, error) {
	id, err := cordon.ParseID(cordon.PrefixItem, arg)
	if err != nil {
		return nil, "", err
	}
	c, err := newClient()
	return c, id, err
}
