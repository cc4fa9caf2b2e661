package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/control/auth/book"
)

func newTokenCmd() *cobra.Command {
	at := new(ledger)
	cmd := &cobra.Command{
		Use:     "token",
		Short:   "Make, list and revoke API tokens",
		Long:    "Make, list and revoke the tokens that programs show. They are kept in the access file beside the\nconfiguration; a running server notices the change within a second.",
		Example: "  weir token create ci --scope operate --expires 720h\n  weir token create player --scope play --stream 'live/*'\n  weir token list",
	}
	at.flags(cmd)
	cmd.AddCommand(tokenCreate(at), tokenList(at), tokenRevoke(at), tokenVerify(at))
	return cmd
}

func tokenCreate(at *ledger) *cobra.Command {
	var scopes, streams []string
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token and print it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, sum := book.NewSecret(book.TokenPrefix)
			t := book.Token{
				ID: book.NewID(), Name: args[0], Sum: sum, Scopes: scopes, Streams: streams,
				Created: time.Now().UTC().Truncate(time.Second), Expires: after(expires),
			}
			if err := at.update(func(b *book.Book) error { b.Tokens = append(b.Tokens, t); return nil }); err != nil {
				return err
			}
			return made(cmd, "token", t.ID, secret)
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scope", []string{"read"}, "what it is for: read, operate, configure, admin, publish, play")
	cmd.Flags().StringSliceVar(&streams, "stream", nil, "for which streams, by paths or patterns such as 'live/*'; without it, all")
	cmd.Flags().DurationVar(&expires, "expires", 0, "after how long it ends, such as 720h; 0 is never")
	return cmd
}

func tokenList(at *ledger) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the tokens",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := at.open()
			if err != nil {
				return err
			}
			b := store.Book()
			rows := [][]string{{"ID", "NAME", "SCOPES", "STREAMS", "EXPIRES", "LAST USED"}}
			for _, t := range b.Tokens {
				streams := strings.Join(t.Streams, ",")
				if streams == "" {
					streams = "all"
				}
				rows = append(rows, []string{t.ID, t.Name, strings.Join(t.Scopes, ","), streams, when(t.Expires, "never"), when(b.LastUsed(t.ID), "never")})
			}
			return table(cmd, rows)
		},
	}
}

func tokenRevoke(at *ledger) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke a token",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return at.update(func(b *book.Book) error {
				if !b.DropToken(args[0]) {
					return fmt.Errorf("there is no token %q\nhelp: weir token list shows their IDs", args[0])
				}
				return nil
			})
		},
	}
}

func tokenVerify(at *ledger) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Say what a token is, which is read from standard input",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := line(cmd)
			if err != nil {
				return err
			}
			store, err := at.open()
			if err != nil {
				return err
			}
			b, sum := store.Book(), book.Sum(text)
			for i := range b.Tokens {
				if t := &b.Tokens[i]; t.Sum == sum {
					if t.Over(time.Now()) {
						return fmt.Errorf("the token %s (%s) has expired\nhelp: make another one with weir token create", t.ID, t.Name)
					}
					fmt.Fprintf(cmd.OutOrStdout(), "token %s (%s), for %s\n", t.ID, t.Name, strings.Join(t.Scopes, ", "))
					return nil
				}
			}
			for i := range b.Keys {
				if k := &b.Keys[i]; k.Sum == sum {
					if !k.Valid(time.Now()) {
						return fmt.Errorf("the publish key %s (%s) is not valid now\nhelp: weir key list shows when it is", k.ID, k.Name)
					}
					fmt.Fprintf(cmd.OutOrStdout(), "publish key %s (%s), for %s\n", k.ID, k.Name, k.Stream)
					return nil
				}
			}
			return errors.New("this is no token of this server\nhelp: weir token list shows which there are")
		},
	}
}
