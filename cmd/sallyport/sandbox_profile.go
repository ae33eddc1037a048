package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func newInstallProfileCommand() *cobra.Command {
	var from, to string
	var stay bool
	c := &cobra.Command{
		Use:   "install-profile",
		Short: "Write the seccomp profile of sandbox pods to where a kubelet looks for it",
		Long: `Copies a seccomp profile, whole or not at all. With --stay it then waits to be ended: the chart's DaemonSet
runs it on each node, where the kubelet's folder for profiles is mounted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := installProfile(from, to, cmd.OutOrStdout()); err != nil {
				return err
			}
			if stay {
				<-cmd.Context().Done()
			}
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "the profile")
	c.Flags().StringVar(&to, "to", "", "where it is to be")
	c.Flags().BoolVar(&stay, "stay", false, "wait afterwards, until ended")
	_ = c.MarkFlagRequired("from")
	_ = c.MarkFlagRequired("to")
	return c
}

// installProfile replaces the file to with from: written aside and renamed, as
// kubelets read it whenever a pod starts.
func installProfile(from, to string, out io.Writer) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("the profile: %w", err)
	}
	dir := filepath.Dir(to)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the folder of profiles: %w", err)
	}
	aside, err := os.CreateTemp(dir, ".profile-*")
	if err != nil {
		return fmt.Errorf("the folder of profiles: %w", err)
	}
	defer os.Remove(aside.Name())
	if _, err = aside.Write(text); err == nil {
		err = aside.Chmod(0o644)
	}
	if e := aside.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(aside.Name(), to)
	}
	if err != nil {
		return fmt.Errorf("writing the profile %s: %w", to, err)
	}
	fmt.Fprintf(out, "%s: %d bytes\n", to, len(text))
	return nil
}
