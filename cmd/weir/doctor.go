package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"weir/pipeline/config"
)

func newDoctorCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor [file]",
		Short: "Try what a configuration needs, and say what to do about what does not work",
		Long: "Try what a configuration needs of this machine and of others: ports, UDP, clock, disks, limits, codecs,\n" +
			"stores, certificates and the targets of pushes. Each is ✓ good, ! worth a look, or ✗ broken, with what\n" +
			"to do. Nothing is changed but for probes that are removed again. The exit code is 1 if anything is broken.",
		Example: "  weir doctor weir.yaml\n  weir doctor store weir.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return doctor(cmd.Context(), cmd.OutOrStdout(), sources(args)[0])
		},
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "store [file...]",
		Short: "Write, read, list and delete a probe in each store that records",
		Long: "Try each store that the recordings of configuration files go to: a small object of its own is written,\n" +
			"read, listed and deleted. What does not work is said with what to do. The exit code is 1 then.",
		Example: "  weir doctor store weir.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return doctorStores(cmd.Context(), cmd.OutOrStdout(), args)
		},
	})
	return cmd
}

// mark says how something is.
type mark string

// The marks.
const (
	good  mark = "✓"
	doubt mark = "!"
	bad   mark = "✗"
)

// finding is what was found out about one thing, and what to do if it is not good.
type finding struct {
	mark
	what, fix string
}

// patience is how long one look may take.
const patience = 10 * time.Second

// doctor looks at everything that a file needs.
func doctor(ctx context.Context, out io.Writer, src *source) error {
	file, err := fileOf(src)
	if err != nil {
		return err
	}
	ill := false
	for _, look := range []struct {
		title string
		at    func(context.Context, *config.File) []finding
	}{
		{"ports", lookAtPorts},
		{"machine", lookAtMachine},
		{"UDP and public address", lookAtUDP},
		{"certificate", lookAtCertificate},
		{"transcoding", lookAtCodecs},
		{"disks", lookAtDisks},
		{"targets", lookAtTargets},
	} {
		ctx, cancel := context.WithTimeout(ctx, patience)
		found := look.at(ctx, file)
		cancel()
		if len(found) == 0 {
			continue
		}
		fmt.Fprintln(out, look.title)
		for _, f := range found {
			ill = ill || f.mark == bad
			fmt.Fprintf(out, "  %s %s\n", f.mark, f.what)
			if f.fix != "" {
				fmt.Fprintf(out, "    help: %s\n", f.fix)
			}
		}
	}
	for _, s := range shelvesOfFile(file) {
		fmt.Fprintf(out, "store %s (%s)\n", s.place.Address(), s.stage)
		if tryStore(ctx, out, s.place) != nil {
			ill = true
		}
	}
	if ill {
		return wrong(exitFailure)
	}
	return nil
}
