package main

import (
	"crypto/sha256"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cordonhq/cordon/account"
)

func tokenCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "token",
		Short: "Make an access token for the API",
		Long: `Make a fresh access token with 256 random bits. The token goes to standard output, and is
shown this once. What belongs into the file that the account's token_file names goes to
standard error: the token's SHA-256, so that the gateway's machine never holds the token.

The gateway learns of it at its next start.`,
		Example: `  cordon token > my.token                     the token for whoever calls
  export CORDON_TOKEN=$(cordon token)         print the digest, keep the token here
  cordon token 2> /etc/cordon/mule.token      the digest for the gateway, the token on screen
  chmod 600 /etc/cordon/mule.token            a file that everybody may read is refused`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			token := string(account.NewToken())
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), token); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.ErrOrStderr(), "sha256:%x\n", sha256.Sum256([]byte(token)))
			return err
		},
	}
}
