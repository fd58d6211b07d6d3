package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes, as "cordon --help" tells them.
const (
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a mistake on the command line: it is told with how the command is used.
type usageError struct {
	cmd *cobra.Command
	err error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usage is the short form: one line, and where the long one is.
func (e *usageError) usage() string {
	line := e.cmd.UseLine()
	if e.cmd.HasAvailableSubCommands() && !takesArguments(e.cmd) {
		line = e.cmd.CommandPath() + " COMMAND"
	}
	return fmt.Sprintf("usage: %s\nSee \"%s --help\".", line, e.cmd.CommandPath())
}

// group is set on commands that only hold others.
const group = "group"

func isGroup(cmd *cobra.Command) bool { return cmd.Annotations[group] != "" }

// takesArguments tells whether a command has a use for words of its own, by how its use is written.
func takesArguments(cmd *cobra.Command) bool {
	return strings.Contains(strings.ReplaceAll(cmd.Use, "[flags]", ""), " ")
}

// strict makes every command of a tree refuse what it has no use for. Left alone, a group prints
// its help for whatever follows it and succeeds, so that "hold relese" in a script is taken for
// a release.
func strict(root *cobra.Command, args []string) {
	root.SetHelpCommand(helpCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		// A flag of the command that was meant is unknown to the group, so the name comes first.
		if cmd.HasSubCommands() {
			if _, rest, findErr := root.Find(args); findErr == nil && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
				if wrong := unknownCommand(cmd, rest[0]); wrong != nil {
					return &usageError{cmd, wrong}
				}
			}
		}
		return &usageError{cmd, err}
	})
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		if cmd.HasSubCommands() && !cmd.Runnable() {
			cmd.Annotations = map[string]string{group: "yes"}
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
		check := cmd.Args
		if isGroup(cmd) || check == nil {
			check = cobra.NoArgs
		}
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := arguments(cmd, args, check); err != nil {
				return &usageError{cmd, err}
			}
			return nil
		}
	}
	walk(root)
}

// arguments checks everything about a command line before a command begins.
func arguments(cmd *cobra.Command, args []string, check cobra.PositionalArgs) error {
	if len(args) > 0 && cmd.HasSubCommands() {
		if err := unknownCommand(cmd, args[0]); err != nil && (!takesArguments(cmd) || near(cmd, args[0]) != "") {
			return err
		}
	}
	if err := check(cmd, args); err != nil {
		if len(args) > 0 && strings.HasPrefix(err.Error(), "unknown command") { // cobra's words for a surplus argument
			return fmt.Errorf("%q takes no arguments, and %q was given", cmd.CommandPath(), args[0])
		}
		return err
	}
	return errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups())
}

// unknownCommand says that a group has no command of that name, and which was meant.
func unknownCommand(cmd *cobra.Command, name string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.Name() == name || sub.HasAlias(name) {
			return nil
		}
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	next := "there are " + strings.Join(names, ", ")
	if meant := near(cmd, name); meant != "" {
		next = fmt.Sprintf("did you mean %q?", meant)
	}
	return fmt.Errorf("unknown command %q for %q; %s", name, cmd.CommandPath(), next)
}

// near is the command whose name is written most like the one given, "" if none is.
func near(cmd *cobra.Command, name string) (meant string) {
	name = strings.ToLower(name)
	best := 3
	for _, sub := range cmd.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		d := distance(name, sub.Name())
		if len(name) > 1 && strings.HasPrefix(sub.Name(), name) {
			d = 1
		}
		if d < best && d < len(sub.Name())-1 {
			best, meant = d, sub.Name()
		}
	}
	return meant
}

// distance is how many letters to put in, take out, replace or swap (V. I. Levenshtein; F. J. Damerau).
func distance(a, b string) int {
	row := func(n int) []int { return make([]int, n+1) }
	before, last := row(len(b)), row(len(b))
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		this := row(len(b))
		this[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			this[j+1] = min(last[j]+cost, last[j+1]+1, this[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				this[j+1] = min(this[j+1], before[j-1]+1)
			}
		}
		before, last = last, this
	}
	return last[len(b)]
}

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]...",
		Short:   "Say how a command is used",
		Long:    "Say how a command is used. It is the same as --help behind the command.",
		Example: "  cordon help hold release",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 && of.HasSubCommands() {
				return &usageError{of, unknownCommand(of, rest[0])}
			}
			if len(rest) > 0 {
				return &usageError{of, fmt.Errorf("%q has no command %q", of.CommandPath(), rest[0])}
			}
			of.InitDefaultHelpFlag()
			of.InitDefaultVersionFlag()
			return of.Help()
		},
	}
}
