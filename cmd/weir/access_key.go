package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/control/auth/book"
	"weir/control/auth/link"
	"weir/pipeline"
)

func newKeyCmd() *cobra.Command {
	at := new(ledger)
	cmd := &cobra.Command{
		Use:     "key",
		Short:   "Make, rotate, list and revoke publish keys",
		Long:    "Make, rotate, list and revoke the keys that publishers show. They are kept in the access file beside\nthe configuration; a running server notices the change within a second.",
		Example: "  weir key create live/studio --name 'OBS in the studio'\n  weir key rotate k3jd82hs --overlap 24h\n  weir key rotate --links",
	}
	at.flags(cmd)
	cmd.AddCommand(keyCreate(at), keyRotate(at), keyList(at), keyRevoke(at))
	return cmd
}

// addKey writes a key down and prints its secret.
func addKey(cmd *cobra.Command, at *ledger, prepare func(*book.Book) (book.Key, error)) error {
	secret, sum := book.NewSecret(book.KeyPrefix)
	id := book.NewID()
	err := at.update(func(b *book.Book) error {
		k, err := prepare(b)
		if err != nil {
			return err
		}
		k.ID, k.Sum, k.Created = id, sum, time.Now().UTC().Truncate(time.Second)
		b.Keys = append(b.Keys, k)
		return nil
	})
	if err != nil {
		return err
	}
	return made(cmd, "publish key", id, secret)
}

func keyCreate(at *ledger) *cobra.Command {
	var name string
	var expires, from time.Duration
	cmd := &cobra.Command{
		Use:   "create STREAM",
		Short: "Make a key for a stream or a pattern and print it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return addKey(cmd, at, func(*book.Book) (book.Key, error) {
				return book.Key{Name: name, Stream: args[0], From: after(from), Expires: after(expires)}, nil
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "publisher", "whose key it is")
	cmd.Flags().DurationVar(&from, "from", 0, "after how long it becomes valid")
	cmd.Flags().DurationVar(&expires, "expires", 0, "after how long it ends, such as 720h; 0 is never")
	return cmd
}

func keyRotate(at *ledger) *cobra.Command {
	var overlap time.Duration
	var links bool
	cmd := &cobra.Command{
		Use:   "rotate [ID]",
		Short: "Make a key that follows another, or one that links are signed with",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case links && len(args) == 0:
				return at.update(func(b *book.Book) error { b.Resign(time.Now()); return nil })
			case links || len(args) == 0:
				return errors.New("say which key to rotate\nhelp: its ID, as weir key list shows it, or --links")
			}
			return addKey(cmd, at, func(b *book.Book) (book.Key, error) {
				old := b.Key(args[0])
				if old == nil {
					return book.Key{}, noKey(args[0])
				}
				next := book.Key{Name: old.Name, Stream: old.Stream}
				return next, b.Retire(old.ID, overlap, time.Now())
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key stays good beside the new one")
	cmd.Flags().BoolVar(&links, "links", false, "sign links with a new key; those that are out stay good")
	return cmd
}

func noKey(id string) error {
	return fmt.Errorf("there is no key %q\nhelp: weir key list shows their IDs", id)
}

func keyList(at *ledger) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the keys",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := at.open()
			if err != nil {
				return err
			}
			b := store.Book()
			rows := [][]string{{"ID", "STREAM", "NAME", "VALID FROM", "EXPIRES", "LAST USED"}}
			for _, k := range b.Keys {
				rows = append(rows, []string{k.ID, k.Stream, k.Name, when(k.From, "always"), when(k.Expires, "never"), when(b.LastUsed(k.ID), "never")})
			}
			return table(cmd, rows)
		},
	}
}

func keyRevoke(at *ledger) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke a key; who publishes with it is dismissed",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return at.update(func(b *book.Book) error {
				if !b.DropKey(args[0]) {
					return noKey(args[0])
				}
				return nil
			})
		},
	}
}

func newSignCmd() *cobra.Command {
	at := new(ledger)
	var base, ip string
	var expires time.Duration
	cmd := &cobra.Command{
		Use:     "sign STREAM",
		Short:   "Make a link with which anybody may watch for a while",
		Long:    "Make a link with which anybody may watch a stream, or all streams of a folder, for a while. It can be\nchecked by a CDN, too: docs/guides/access.md says how.",
		Example: "  weir sign live/studio --expires 2h --base https://live.example.net\n  weir sign live/ --expires 30m",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := pipeline.ValidPath(strings.TrimSuffix(args[0], "/")); err != nil {
				return err //nolint:wrapcheck // it says what is wrong
			}
			address := netip.Addr{}
			if ip != "" {
				var err error
				if address, err = netip.ParseAddr(ip); err != nil {
					return fmt.Errorf("%q is no IP address", ip)
				}
			}
			var signer book.Signer
			err := at.update(func(b *book.Book) error {
				if b.Newest() == nil {
					b.Resign(time.Now())
				}
				signer = *b.Newest()
				return nil
			})
			if err != nil {
				return err
			}
			l := link.Sign(signer.Secret, signer.ID, args[0], time.Now().Add(expires), address)
			fmt.Fprintf(cmd.OutOrStdout(), "%s/%s?%s\n", strings.TrimSuffix(base, "/"), args[0], l.Query())
			return nil
		},
	}
	at.flags(cmd)
	cmd.Flags().StringVar(&base, "base", "", "what the link begins with, such as https://live.example.net")
	cmd.Flags().StringVar(&ip, "ip", "", "the address of the viewer, if the link is for nobody else")
	cmd.Flags().DurationVar(&expires, "expires", time.Hour, "for how long it is good")
	return cmd
}
