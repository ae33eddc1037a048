package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/doctor"
	"github.com/sallyport-dev/sallyport/report"
)

func newDoctorCommand() *cobra.Command {
	var (
		o       doctor.Options
		output  string
		noProbe bool
	)
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell whether a container engine on this machine could get past the gate",
		Long: `Reads the configuration of the container engines on this machine and tells, for
each registry, whether what the gate denies would be taken from elsewhere: most
engines take a denial for a fault and ask the next place. Says how to mend it.
Asks the gate's address whether a gate is there. Changes nothing.

Exit code: 0 no engine gets past the gate, 1 one can, 3 it could not be found out.`,
		Example: `  sallyport doctor --gate gate.example.com
  sallyport doctor --gate localhost:5000 --containerd /etc/containerd/certs.d -o json
  sallyport doctor --gate gate.example.com --root /mnt/node-image --no-probe`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return codeError{exitError, fmt.Errorf("-o %s: it is table or json", output)}
			}
			o.Probe = !noProbe
			r, err := doctor.Examine(cmd.Context(), o)
			if err != nil {
				return codeError{exitError, err}
			}
			if output == "json" {
				err = printJSON(cmd.OutOrStdout(), r)
			} else {
				err = printDoctor(cmd.OutOrStdout(), r)
			}
			switch {
			case err != nil:
				return codeError{exitError, err}
			case r.Verdict == doctor.Bypass:
				return codeError{code: exitFailed}
			case r.Verdict != doctor.Safe:
				return codeError{code: exitError}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Gates, "gate", []string{"localhost:5000"}, "name of the gate as engines know it, host:port or URL; may be repeated")
	f.StringSliceVar(&o.Registries, "registry", nil, "registry to tell of; may be repeated (default the usual ones, those configured, and all others)")
	f.StringVar(&o.Root, "root", "", "folder that holds the machine's files (default /)")
	f.BoolVar(&o.Held, "egress-blocked", false, "the network lets engines reach no registry but through the gate: what would fall back is held")
	f.BoolVar(&noProbe, "no-probe", false, "do not ask the gate's address")
	f.StringVar(&o.Docker, "docker", "", "Docker's daemon.json to read, instead of the usual paths of all engines")
	f.StringVar(&o.Containerd, "containerd", "", "containerd's config.toml, or a folder of hosts.toml files")
	f.StringVar(&o.Containers, "containers", "", "registries.conf of Podman, CRI-O, Buildah and Skopeo; .d beside it is read, too")
	f.StringVar(&o.BuildKit, "buildkit", "", "BuildKit's buildkitd.toml")
	f.StringVar(&o.K3s, "k3s", "", "registries.yaml of K3s or RKE2; config.yaml beside it is read, too")
	f.StringVarP(&output, "output", "o", "table", "table or json")
	return exitsOnUsage(cmd, exitError)
}

func printDoctor(w io.Writer, r doctor.Report) error {
	for _, g := range r.Gates {
		state := "is a gate"
		if !g.Gate {
			state = "is no gate"
		}
		if !g.Reachable {
			state = "does not answer"
		}
		if g.Detail != "" {
			state += ":"
		}
		fmt.Fprintln(w, escaped(g.Address, state, g.Detail))
	}
	for _, e := range r.Engines {
		read := strings.Join(e.Files, ", ")
		if read == "" {
			read = "no configuration of its own"
		}
		fmt.Fprintf(w, "\n%s\n", escaped(e.Name+" ("+read+")"))
		t := newTable(w, "REGISTRY", "PULLS", "ASKED, IN ORDER")
		for _, route := range e.Routes {
			t.row(route.Registry, string(route.Outcome), strings.Join(route.Sources, ", "))
		}
		if err := t.flush(); err != nil {
			return err
		}
		for _, line := range advice(e.Routes) {
			fmt.Fprintln(w, escaped(line))
		}
		for _, fault := range e.Faults {
			fmt.Fprintln(w, escaped("cannot tell: "+fault))
		}
		for _, note := range e.Notes {
			fmt.Fprintln(w, escaped("note: "+note))
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", map[doctor.Verdict]string{
		doctor.Safe:    "safe: no engine gets past the gate",
		doctor.Bypass:  "BYPASS POSSIBLE: an engine takes images from elsewhere than the gate",
		doctor.Unknown: "cannot tell: something could not be read or asked",
	}[r.Verdict])
	return err
}

// advice says once what is wrong with several registries for the same reason.
func advice(routes []doctor.Route) []string {
	var order []string
	registries, first := map[string][]string{}, map[string]doctor.Route{}
	for _, r := range routes {
		if r.Outcome != doctor.FallsBack && r.Outcome != doctor.Direct {
			continue
		}
		same := strings.NewReplacer(r.Registry, "", "docker.io", "").Replace(r.Why + r.Mend)
		if registries[same] == nil {
			order, first[same] = append(order, same), r
		}
		name := r.Registry
		if name == doctor.AnyOther {
			name = "any other registry"
		}
		registries[same] = append(registries[same], name)
	}
	lines := make([]string, 0, len(order))
	for _, same := range order {
		lines = append(lines, strings.Join(registries[same], ", ")+": "+first[same].Why+"; "+first[same].Mend)
	}
	return lines
}

// escaped joins what is not empty, as it can be shown on a terminal.
func escaped(parts ...string) string {
	var list []string
	for _, p := range parts {
		if p != "" {
			list = append(list, report.Escape(p))
		}
	}
	return strings.Join(list, " ")
}
