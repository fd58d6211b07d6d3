package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon"
)

func knownCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "known",
		Short: "Keep the lists of known files: those that must not pass, those that may",
		Long: `Known files are recognised by their exact bytes. The file itself stays here: only its SHA-256
goes to the gateway, which keeps it as a keyed value that matches nothing elsewhere.

A file on the list "blocked" is held whatever else is found. A file on the list "lawful" may pass
although a generator made it: a speech device's voice, say, or a training picture.

These commands call the API of a running gateway (CORDON_URL, CORDON_TOKEN), as a reviewer.`,
		Example: `  cordon known block fake-id.jpg
  cordon known allow consent-avatar.png
  cordon known forget fake-id.jpg`,
	}
	cmd.AddCommand(
		knownChange("block FILE...", "Hold these files whenever they come", "  cordon known block fake-id.jpg", cordon.KnownBlocked),
		knownChange("allow FILE...", "Let these files pass although a generator made them", "  cordon known allow consent-avatar.png", cordon.KnownLawful),
		knownChange("forget FILE...", "Take these files off the lists", "  cordon known forget fake-id.jpg", ""),
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
