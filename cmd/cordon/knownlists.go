package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/exchange"
	"github.com/cordonhq/cordon/media"
	"github.com/cordonhq/cordon/media/chromaprint"
	"github.com/cordonhq/cordon/media/foreign"
	"github.com/cordonhq/cordon/media/pdq"
	"github.com/cordonhq/cordon/media/sandbox"
)

// knownValue is by what a file is recognised.
type knownValue struct{ kind, value string }

// valuesOf returns a file's values. What cannot be told of it is left out.
func valuesOf(ctx context.Context, path string, likeness bool) ([]knownValue, error) {
	sum, err := digest(path)
	if err != nil {
		return nil, err
	}
	out := []knownValue{{string(cordon.KnownSHA256), sum}}
	if !likeness {
		return out, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	m, err := media.Open(f, info.Size(), media.Limits{})
	if err != nil {
		return out, nil // too large to be opened: its bytes are all that is told
	}
	defer m.Close()
	switch m.Modality() {
	case cordon.Image:
		if print, err := m.Fingerprint(ctx); err == nil && print.Quality >= pdq.MinQuality {
			out = append(out, knownValue{string(cordon.KnownPDQ), print.PDQ.String()})
		}
	case cordon.Audio:
		if sound, err := soundOf(ctx, m); err == nil {
			out = append(out, knownValue{string(cordon.KnownChromaprint), sound})
		}
	}
	return out, nil
}

// locked runs the programs that foreign formats need.
var locked = sync.OnceValue(func() *foreign.Decoder { return foreign.New(sandbox.Open(sandbox.Config{})) })

// soundOf returns what a recording sounds like, in hexadecimal digits, where that says enough.
func soundOf(ctx context.Context, m *media.Media) (string, error) {
	print, err := locked().Sound(ctx, foreign.Recording{From: m, Size: m.Size(), Format: foreign.Format(m.Type)})
	if err == nil && !print.Tells() {
		err = chromaprint.ErrUnfit
	}
	return hex.EncodeToString(print.Encode()), err
}

// apiKnown is an entry as the API gives it.
type apiKnown struct {
	ID         cordon.ID
	List, Kind string
	Value      *string
	Source     string
	SourceID   string `json:"source_id"`
	Note       string
	At         time.Time
	ExpiresAt  *time.Time `json:"expires_at"`
}

// short is the beginning of a value, which is enough to tell entries apart.
func (k apiKnown) short() string {
	if k.Value == nil {
		return "not on record"
	}
	if v := *k.Value; len(v) > 16 {
		return v[:16] + "…"
	}
	return *k.Value
}

func (k apiKnown) ends() string {
	if k.ExpiresAt == nil {
		return "never"
	}
	return k.ExpiresAt.Format(time.DateOnly)
}

// from is who named it, quoted, since it is somebody else's text.
func (k apiKnown) from() string {
	if s := strings.TrimSpace(k.Source + " " + k.SourceID); s != "" {
		return strconv.Quote(s)
	}
	return "-"
}

func knownListing() *cobra.Command {
	var list, kind string
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "List known files, the latest first", Example: "  cordon known list --list blocked\n  cordon known list --json | jq -r '.entries[].id'", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}, "list": {list}, "kind": {kind}}
			var raw json.RawMessage
			if _, err := c.call(cmd.Context(), "GET", "/v1/known?"+q.Encode(), nil, &raw); err != nil {
				return err
			}
			if asJSON {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", raw)
				return err
			}
			var page struct {
				Entries []apiKnown
				Next    string
			}
			if err := json.Unmarshal(raw, &page); err != nil {
				return err
			}
			if len(page.Entries) == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "No file is on a list.")
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ENTRY\tLIST\tKIND\tVALUE\tSINCE\tENDS\tFROM")
			for _, k := range page.Entries {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.List, k.Kind, k.short(), k.At.Format(time.DateOnly), k.ends(), k.from())
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if page.Next != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), "There are more; raise --limit, or use cordon known export.")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&list, "list", "", "only this list")
	cmd.Flags().StringVar(&kind, "kind", "", "only this kind: sha256, pdq or chromaprint")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most this many, 1 to 200")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the API's answer")
	return cmd
}

func knownCheck() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "check FILE", Short: "Say which entries name a file, or one that looks or sounds like it", Example: "  cordon known check unsure.jpg", Args: cobra.ExactArgs(1),
		Long: "Say which entries name a file, or one that looks or sounds like it. Nothing is put on record. It\nexits 3 if the file would be held for it, else 0.",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			values, err := valuesOf(cmd.Context(), args[0], true)
			if err != nil {
				return err
			}
			in := map[string]string{}
			for _, v := range values {
				in[v.kind] = v.value
			}
			var raw json.RawMessage
			if _, err := c.call(cmd.Context(), "POST", "/v1/known/check", in, &raw); err != nil {
				return err
			}
			var found struct {
				Matches []struct {
					Entry    apiKnown
					Exact    bool
					Distance *int
					Likeness *float64
					Overlap  *float64 `json:"overlap_seconds"`
				}
			}
			if err := json.Unmarshal(raw, &found); err != nil {
				return err
			}
			held := false
			for _, m := range found.Matches {
				held = held || m.Entry.List == string(cordon.KnownBlocked)
			}
			out := cmd.OutOrStdout()
			switch {
			case asJSON:
				fmt.Fprintf(out, "%s\n", raw)
			case len(found.Matches) == 0:
				fmt.Fprintf(out, "%s is on no list, by its %s\n", args[0], strings.Join(kinds(values), " and "))
			default:
				w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "ENTRY\tLIST\tKIND\tHOW\tENDS\tFROM")
				for _, m := range found.Matches {
					how := "the same bytes"
					switch {
					case m.Distance != nil:
						how = fmt.Sprintf("%d of 256 bits differ", *m.Distance)
					case m.Likeness != nil && m.Overlap != nil:
						how = fmt.Sprintf("%.0f s agree, in %.0f %% of bits", *m.Overlap, 100**m.Likeness)
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", m.Entry.ID, m.Entry.List, m.Entry.Kind, how, m.Entry.ends(), m.Entry.from())
				}
				if err := w.Flush(); err != nil {
					return err
				}
			}
			if held {
				return exitCode(3)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the API's answer")
	return cmd
}

func kinds(values []knownValue) (out []string) {
	for _, v := range values {
		out = append(out, v.kind)
	}
	return out
}

// importBatch is how many entries are sent together, all or none.
const importBatch = 1500

func knownImport() *cobra.Command {
	var format, list, source string
	var try bool
	cmd := &cobra.Command{
		Use:   "import --format FORMAT FILE",
		Short: "Put many files on lists: CSV, STIX 2.1 or ThreatExchange-style JSON",
		Long: fmt.Sprintf(`Put the files of a list on the gateway's lists. The whole file is read first; if a line of it is wrong,
each is told with its place and nothing is sent. What is there already stays as it is, so a list can be
imported again. It is sent %d entries at a time, each batch all or none.

FILE may be "-" for standard input. docs/known-files.md describes the forms.`, importBatch),
		Example: `  cordon known import --format csv --list blocked hashes.csv
  cordon known import --format stix --list watched --source "H-ISAC" --dry-run bundle.json
  cordon known import --format threatexchange descriptors.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			in := cmd.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			read, err := exchange.Read(exchange.Format(format), in, exchange.Options{List: cordon.KnownList(list), Source: source})
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			place := map[bool]string{true: "line", false: "object"}[format == string(exchange.CSV)]
			for _, row := range read.Rows {
				if row.Err != nil {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s %d: %v\n", args[0], place, row.At, row.Err)
				}
			}
			if n := read.Mistakes(); n > 0 {
				return fmt.Errorf("%s: %d of %d entries are wrong, and nothing was sent", args[0], n, len(read.Rows))
			}
			return c.sendKnown(cmd, read, try)
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "csv, stix or threatexchange (required)")
	cmd.Flags().StringVar(&list, "list", "", "the list for the whole; without it each entry says its own")
	cmd.Flags().StringVar(&source, "source", "", "who the list is from, where entries do not say")
	cmd.Flags().BoolVar(&try, "dry-run", false, "only read it and count what would change")
	cobra.CheckErr(cmd.MarkFlagRequired("format"))
	return cmd
}

func (c *client) sendKnown(cmd *cobra.Command, read exchange.List, try bool) error {
	files := read.Files()
	var added, changed, same int
	for sent := 0; sent < len(files); {
		batch := files[sent:min(len(files), sent+importBatch)]
		var body bytes.Buffer
		if err := exchange.Write(exchange.CSV, &body, exchange.Each(batch)); err != nil {
			return err
		}
		var out struct {
			Added, Changed int
			Same           int `json:"unchanged"`
		}
		if _, err := c.send(cmd.Context(), "POST", "/v1/known/import?format=csv&dry_run="+strconv.FormatBool(try), "text/csv", body.Bytes(), &out); err != nil {
			return fmt.Errorf("after %d of %d entries (import the list again to go on): %w", sent, len(files), err)
		}
		added, changed, same, sent = added+out.Added, changed+out.Changed, same+out.Same, sent+len(batch)
		if len(files) > importBatch {
			fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d\n", sent, len(files))
		}
	}
	would := map[bool]string{true: "would be ", false: ""}[try]
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%d entries: %d %sadded, %d %schanged, %d as they were; %d other objects left out\n", len(files), added, would, changed, would, same, read.Skipped)
	return err
}

func knownExport() *cobra.Command {
	var format, list, kind string
	cmd := &cobra.Command{
		Use: "export --format FORMAT", Short: "Write all entries to standard output, to hand them on", Example: "  cordon known export --format stix --list blocked > bundle.json", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient()
			if err != nil {
				return err
			}
			q := url.Values{"format": {format}, "list": {list}, "kind": {kind}}
			return c.stream(cmd.Context(), "/v1/known/export?"+q.Encode(), raw(cmd))
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "csv, stix or threatexchange (required)")
	cmd.Flags().StringVar(&list, "list", "", "only this list")
	cmd.Flags().StringVar(&kind, "kind", "", "only this kind: sha256, pdq or chromaprint")
	cobra.CheckErr(cmd.MarkFlagRequired("format"))
	return cmd
}

// stream writes an answer of any length as it comes. One that breaks off is an error.
func (c *client) stream(ctx context.Context, path string, out io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, "GET", c.base+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := (&http.Client{}).Do(req) // ctx ends it; a long answer may take its time
	if err != nil {
		return fmt.Errorf("reach the gateway at %s: %w", c.base, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		return errors.Join(apiError(resp.StatusCode, b), err)
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		return fmt.Errorf("the answer broke off, and what was written is not whole: %w", err)
	}
	return nil
}
