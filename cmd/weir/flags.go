package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// word is a flag whose value is one of a few words.
type word struct {
	value string
	words []string
}

// Set implements pflag.Value.
func (w *word) Set(value string) error {
	if !slices.Contains(w.words, value) {
		return fmt.Errorf("it is none of %s", strings.Join(w.words, ", "))
	}
	w.value = value
	return nil
}

// String implements pflag.Value.
func (w *word) String() string { return w.value }

// Type implements pflag.Value; help shows it.
func (w *word) Type() string { return strings.Join(w.words, "|") }

// formatFlag adds --format with its completion; the first word is the default.
func formatFlag(cmd *cobra.Command, words ...string) *word {
	w := &word{value: words[0], words: words}
	cmd.Flags().VarP(w, "format", "f", "how to print")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	return w
}
