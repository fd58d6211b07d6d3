package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon"
)

func holdSettle() *cobra.Command {
	var there, note string
	var again, giveUp bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "settle RECEIPT --there ID | --send-again | --give-up",
		Short: "Say what became of a write whose answer was lost",
		Long: `Say what became of an unsettled item: its write was sent, and no answer came back. Look in the CRM
first. Where the org keeps Cordon's key for a write, Cordon finds out by itself and nobody needs this.

--there ID      the CRM has it, as this record. Cordon compares its bytes with the item's where
                the CRM gives them out, else their number, before it believes it.
--send-again    the CRM does not have it. Cordon looks once more, and then writes it under its own
                identity. Without --wait 0 the command waits to see it arrive.
--give-up       nobody will know. Cordon destroys its copy; whoever sent the file may send it as a
                new one.`,
		Example: "  cordon hold list --state unsettled\n  cordon hold settle itm_01kq… --there 068Wx00000ABCDE\n  cordon hold settle itm_01kq… --send-again",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := clientFor(args[0])
			if err != nil {
				return err
			}
			in := map[string]string{"as": string(cordon.GiveUp), "note": note}
			switch {
			case cmd.Flags().Changed("there"):
				in["as"], in["id"] = string(cordon.IsThere), there
			case again:
				in["as"] = string(cordon.SendAgain)
			}
			var it apiItem
			if _, err := c.call(cmd.Context(), "POST", "/v1/items/"+string(id)+"/settle", in, &it); err != nil {
				return err
			}
			if it, err = c.settled(cmd.Context(), it, wait); err != nil {
				return err
			}
			return report(cmd.OutOrStdout(), it)
		},
	}
	cmd.Flags().StringVar(&there, "there", "", "the CRM has it, as the record with this id")
	cmd.Flags().BoolVar(&again, "send-again", false, "the CRM does not have it, and is to get it")
	cmd.Flags().BoolVar(&giveUp, "give-up", false, "nobody will know; Cordon lets go of it")
	cmd.Flags().StringVar(&note, "note", "", "free text for other reviewers; sealed with the item, never in the ledger")
	cmd.Flags().DurationVar(&wait, "wait", 15*time.Second, "how long to wait for what is sent again; 0: do not wait")
	cmd.MarkFlagsOneRequired("there", "send-again", "give-up")
	cmd.MarkFlagsMutuallyExclusive("there", "send-again", "give-up")
	return cmd
}
