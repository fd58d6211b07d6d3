package main

import "github.com/spf13/cobra"

func reportCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "report", Short: "Report on what came and what became of it", Example: "  cordon report shadow\n  cordon report coverage"}
	cmd.AddCommand(reportShadowCommand(), reportCoverageCommand())
	return cmd
}
