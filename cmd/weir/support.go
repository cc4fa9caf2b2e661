package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/cmd/bundle"
	"weir/cmd/client"
	"weir/pipeline/config"
	"weir/pipeline/draw"
	"weir/record"
)

func newSupportBundleCmd() *cobra.Command {
	var from remote
	var output, log string
	cmd := &cobra.Command{
		Use:   "support-bundle [file]",
		Short: "Make an archive of what somebody needs who is to help",
		Long: "Collect facts about a server in a zip file: version, the configuration of a file without its secrets,\n" +
			"its graph, what the running server says of itself (streams, events, metrics, health, goroutines, memory),\n" +
			"the end of a log, and the machine. What looks like a secret is hidden; have a look before it is sent.\n" +
			"A server that does not answer is left out.",
		Example: "  weir support-bundle weir.yaml\n" +
			"  journalctl -u weir -n 5000 >weir.log; weir support-bundle weir.yaml --log weir.log -o facts.zip",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := from.client()
			if err != nil {
				return badLine(cmd, err)
			}
			s := support{client: c, log: log, token: os.Getenv(tokenVariable)}
			if len(args) == 1 {
				s.source = fileSource(args[0])
			}
			if output == "" {
				output = "weir-support-" + time.Now().UTC().Format("20060102-150405") + ".zip"
			}
			index, err := s.write(cmd.Context(), output)
			if err != nil {
				return err
			}
			return tell(cmd.OutOrStdout(), output, index)
		},
	}
	from.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "the archive; without it, one with the time in its name")
	cmd.Flags().StringVar(&log, "log", "", "a file with the server's log, of which the end is taken")
	return cmd
}

// tell says what is in an archive and what is not.
func tell(out io.Writer, name string, index []bundle.Entry) error {
	var b strings.Builder
	for _, e := range index {
		switch {
		case e.Missing != "":
			first, _, _ := strings.Cut(e.Missing, "\n")
			fmt.Fprintf(&b, "  - %s: %s\n", e.Name, first)
		case e.Cut:
			fmt.Fprintf(&b, "  ✓ %s, the first or last %d bytes\n", e.Name, e.Bytes)
		default:
			fmt.Fprintf(&b, "  ✓ %s\n", e.Name)
		}
	}
	fmt.Fprintf(&b, "%s is written. Secrets that are known are not in it; have a look before it is sent.\n", name)
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// support is what a bundle is made of.
type support struct {
	client *client.Client
	source *source // nil without a file
	log    string
	token  string
}

// write makes the archive, which must not be there yet.
func (s *support) write(ctx context.Context, name string) (index []bundle.Entry, err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%w\nhelp: remove it, or choose another name by -o", err)
	}
	if err != nil {
		return nil, fmt.Errorf("make the archive: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(name)
		}
	}()
	var file *config.File
	var text []byte
	var unread error
	if s.source != nil {
		if text, unread = s.source.read(); unread == nil {
			file, unread = fileOf(s.source)
		}
	}
	known := append(s.secrets(file), written(s.source, text)...)
	a := bundle.New(f, bundle.NewScrubber(known...), time.Now())
	a.JSON("version.json", readBuild())
	dirs := []string{"."}
	switch {
	case s.source == nil:
	case file == nil:
		a.Text("problems.txt", unread.Error()+"\n", false)
	default:
		a.JSON("configuration.json", shownConfig(file))
		a.Text("graph.txt", draw.Mermaid(file.Plans...), false)
		dirs = append(dirs, directories(file)...)
	}
	a.JSON("variables.json", variables(string(text), os.LookupEnv))
	a.JSON("machine.json", bundle.Look(dirs...))
	if s.log != "" {
		if text, cut, err := tail(s.log, bundle.MaxEntry/2); err != nil {
			a.Missing("log.txt", err)
		} else {
			a.Text("log.txt", text, cut)
		}
	}
	bundle.Server(ctx, a, s.client)
	return a.Close()
}

// secrets are those that are known: of the file, and the token.
func (s *support) secrets(file *config.File) []string {
	found := []string{s.token}
	if file == nil {
		return found
	}
	found = append(found, bundle.Secrets(file.Server)...)
	for _, p := range file.Plans {
		for _, n := range p.Nodes {
			found = append(found, bundle.Secrets(n.Config)...)
		}
	}
	return found
}

// shownConfig is a configuration with what its defaults are, and without secrets, which
// their type hides.
func shownConfig(file *config.File) any {
	type stage struct {
		Name, Use string
		From      []string
		Inserted  bool `json:",omitempty"`
		With      any
	}
	type flow struct {
		Pattern, When string
		Stages        []stage
	}
	shown := struct {
		Server    config.Server
		Pipelines []flow
	}{Server: file.Server}
	for _, p := range file.Plans {
		f := flow{Pattern: p.Def.Pattern.String(), When: p.Def.When.String()}
		for _, n := range p.Nodes {
			s := stage{Name: n.Name, Use: n.Use, Inserted: n.Inserted, With: n.Config}
			for _, e := range n.Edges {
				s.From = append(s.From, e.From)
			}
			f.Stages = append(f.Stages, s)
		}
		shown.Pipelines = append(shown.Pipelines, f)
	}
	return shown
}

// directories are where a configuration has files.
func directories(file *config.File) []string {
	var dirs []string
	add := func(dir string) {
		if dir != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, filepath.Clean(dir))
		}
	}
	add(file.Server.Files)
	for _, p := range file.Plans {
		for _, n := range p.Nodes {
			if c, ok := n.Config.(*record.Config); ok {
				add(c.Spool)
				if !c.Store.Bucket() {
					add(c.Store.Dir)
				}
			}
		}
	}
	return dirs
}

var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)|\benv:([A-Za-z_][A-Za-z0-9_]*)`)

// variables says of the environment variables that a text names whether they are set, and
// never to what.
func variables(text string, env func(string) (string, bool)) []string {
	var all []string
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		name := m[1] + m[2]
		switch v, set := env(name); {
		case !set:
			name += " is not set here"
		case v == "":
			name += " is empty"
		default:
			name += " is set"
		}
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// secretKey matches keys whose values are secrets, or may hold some.
var secretKey = regexp.MustCompile(`(?i)(key|keys|secret|token|password|passphrase|url)$`)

// written are what seem to be secrets in the text of a file, which may be one that cannot
// be loaded, and what the variables stand for that it takes secrets from.
func written(src *source, text []byte) (found []string) {
	root, problems := config.ReadTree(text, "")
	if src == nil || len(problems) > 0 {
		return nil
	}
	var walk func(t *config.Tree, secret bool)
	walk = func(t *config.Tree, secret bool) {
		m := reference.FindStringSubmatch(t.Text())
		switch {
		case !secret || t.Text() == "":
		case m != nil:
			value, _ := src.env(m[1] + m[2])
			found = append(found, value)
		case !strings.HasPrefix(t.Text(), "file:"):
			found = append(found, t.Text())
		}
		for _, item := range t.Items() {
			walk(item, secret)
		}
		for _, key := range t.Keys() {
			walk(t.Field(key), secret || secretKey.MatchString(key))
		}
	}
	walk(root, false)
	return found
}

// tail is the end of a file from the beginning of a line on.
func tail(name string, most int64) (text string, cut bool, err error) {
	f, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return "", false, fmt.Errorf("read the log: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return "", false, fmt.Errorf("read the log: %s is no regular file", name)
	}
	if cut = info.Size() > most; cut {
		if _, err := f.Seek(-most, io.SeekEnd); err != nil {
			return "", false, fmt.Errorf("read the log: %w", err)
		}
	}
	b, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return "", false, fmt.Errorf("read the log: %w", err)
	}
	text = strings.ToValidUTF8(string(b), "?")
	if cut {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text, cut, nil
}
