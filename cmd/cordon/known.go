package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon"
)

func knownCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "known",
		Short: "Keep the lists of known files: those that must not pass, those that may",
		Long: `Known files are recognised by their exact bytes, pictures by what they look like (PDQ) and
recordings by what they sound like (Chromaprint). A file itself stays here: only its values go to the
gateway, which seals them under a key of the tenant.

  blocked   held whatever else is found; so is what looks or sounds like it
  watched   passes, and is listed
  lawful    may pass although a generator made it: exact bytes only
  ordinary  a logo, a blank form: files that look like it are not counted as seen before

block, allow and forget are the short ways for exact bytes; add takes what a file looks like as well.
docs/known-files.md describes the forms of lists that are imported and exported.

These commands call the API of a running gateway (CORDON_URL, CORDON_TOKEN), as a reviewer,
or as an admin for what lets nothing pass.`,
		Example: `  cordon known block fake-id.jpg
  cordon known add --list watched --expires 90d letter.png
  cordon known add --list blocked --item itm_01kq… --note "came for three patients"
  cordon known check unsure.jpg
  cordon known import --format stix --list blocked --dry-run feed.json
  cordon known export --format csv > lists.csv`,
	}
	cmd.AddCommand(
		knownChange("block FILE...", "Hold these files whenever they come", "  cordon known block fake-id.jpg", cordon.KnownBlocked),
		knownChange("allow FILE...", "Let these files pass although a generator made them", "  cordon known allow consent-avatar.png", cordon.KnownLawful),
		knownChange("forget FILE...", "Take these files off the lists", "  cordon known forget fake-id.jpg", ""),
		knownAdd(), knownRemove(), knownListing(), knownCheck(), knownImport(), knownExport(),
	)
	return cmd
}

func knownChange(use, short, example string, list cordon.KnownList) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: example, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			for _, path := range args {
				sum, err := digest(path)
				if err != nil {
					return err
				}
				if list == "" {
					_, err = c.call(cmd.Context(), "DELETE", "/v1/known/"+sum, nil, nil)
				} else {
					_, err = c.call(cmd.Context(), "PUT", "/v1/known/"+sum, map[string]string{"list": string(list)}, nil)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				if list == "" {
					fmt.Fprintf(cmd.OutOrStdout(), "%s is on no list\n", path)
				} else {
					fmt.Fprintf(cmd.OutOrStdout(), "%s is on the list %q\n", path, list)
				}
			}
			return nil
		},
	}
}

func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// knownSaid is what is said of entries on the command line.
type knownSaid struct {
	list, source, ref, severity, note, expires, reason string
	confidence                                         int
}

func (s *knownSaid) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.list, "list", "", "blocked, watched, lawful or ordinary (required)")
	f.StringVar(&s.source, "source", "", "who named it; empty: your organisation")
	f.StringVar(&s.ref, "source-id", "", "what the source calls it")
	f.StringVar(&s.severity, "severity", "", "as the source says it")
	f.IntVar(&s.confidence, "confidence", 0, "of the source, 1 to 100")
	f.StringVar(&s.note, "note", "", "free text; sealed, never in the ledger")
	f.StringVar(&s.reason, "reason", "", "why, as a code that the ledger keeps, such as own-material or speech-device; docs/known-files.md lists them")
	f.StringVar(&s.expires, "expires", "", "from when on it does not match: a number of days such as 90d, or a day such as 2027-01-31")
	cobra.CheckErr(cmd.MarkFlagRequired("list"))
}

// body is the request that says so, without a value.
func (s *knownSaid) body() (map[string]any, error) {
	out := map[string]any{"list": s.list, "source": s.source, "source_id": s.ref, "severity": s.severity, "confidence": s.confidence, "note": s.note, "reason": s.reason}
	if s.expires == "" {
		return out, nil
	}
	var days int
	end, err := time.Parse(time.DateOnly, s.expires)
	if text, ok := strings.CutSuffix(s.expires, "d"); ok {
		_, err = fmt.Sscanf(text, "%d", &days)
		end = time.Now().AddDate(0, 0, days)
	}
	if err != nil || !end.After(time.Now()) {
		return nil, fmt.Errorf("--expires is a number of days to come such as 90d, or a day to come such as 2027-01-31, not %q", s.expires)
	}
	out["expires_at"] = end.UTC().Truncate(time.Second)
	return out, nil
}

func knownAdd() *cobra.Command {
	var said knownSaid
	var item string
	var exact bool
	cmd := &cobra.Command{
		Use:   "add --list LIST FILE... | --item ITEM",
		Short: "Put files on a list by their bytes and by what they look or sound like",
		Long: `Put files on a list, each by its SHA-256, a picture by its PDQ hash as well, a recording by its
Chromaprint fingerprint where fpcalc is installed. What says too little to be recognised by its looks,
such as a blank page, is put there by its bytes alone, and so is what is lawful.

With --item an item under control is put there, by what the gateway knows of it.`,
		Example: `  cordon known add --list blocked --source "police report" fake-id.jpg
  cordon known add --list ordinary clinic-logo.png
  cordon known add --list blocked --item itm_01kq…`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (item == "") == (len(args) == 0) {
				return fmt.Errorf("name files, or one item with --item")
			}
			body, err := said.body()
			if err != nil {
				return err
			}
			c, err := newClient()
			if err != nil {
				return err
			}
			if item != "" {
				body["item"] = item
				return c.knownPut(cmd, item, "", body)
			}
			for _, path := range args {
				values, err := valuesOf(cmd.Context(), path, !exact && said.list != string(cordon.KnownLawful))
				if err != nil {
					return err
				}
				for _, v := range values {
					body["kind"], body["value"] = v.kind, v.value
					if err := c.knownPut(cmd, path, v.kind, body); err != nil {
						return err
					}
				}
			}
			return nil
		},
	}
	said.flags(cmd)
	cmd.Flags().StringVar(&item, "item", "", "an item under control instead of files")
	cmd.Flags().BoolVar(&exact, "exact", false, "by the exact bytes alone")
	return cmd
}

func (c *client) knownPut(cmd *cobra.Command, what, kind string, body map[string]any) error {
	var out struct {
		Added, Changed int
		Same           int `json:"unchanged"`
		IDs            []string
	}
	if _, err := c.call(cmd.Context(), "POST", "/v1/known", body, &out); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	by := ""
	if kind != "" {
		by = " by its " + kind
	}
	how := "is on"
	if out.Added+out.Changed == 0 {
		how = "was on"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %s the list %q%s: %s\n", what, how, body["list"], by, strings.Join(out.IDs, " "))
	return nil
}

func knownRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove ENTRY...", Short: "Take entries off the lists, by their ids", Example: "  cordon known remove knw_01kq…", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			for _, text := range args {
				id, err := cordon.ParseID(cordon.PrefixKnown, text)
				if err != nil {
					return err
				}
				if _, err := c.call(cmd.Context(), "DELETE", "/v1/known/"+string(id), nil, nil); err != nil {
					return fmt.Errorf("%s: %w", id, err)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s is on no list\n", id)
			}
			return nil
		},
	}
}
