package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// maxEventText is how many bytes of events are shown.
const maxEventText = 512 << 20

// printEvents writes what the sensor saw, as the sandbox kept it: as JSON one
// document a line, else one line for people. All of it is foreign.
func printEvents(out io.Writer, compressed []byte, asJSON bool) error {
	gz, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return fmt.Errorf("the events are damaged: %w", err)
	}
	in := bufio.NewReaderSize(io.LimitReader(gz, maxEventText), 64<<10)
	w := bufio.NewWriter(out)
	pass := ""
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e struct {
				Pass string `json:"pass"` // of the run; "" for the first
				event.Event
			}
			if bad := json.Unmarshal(line, &e); bad != nil {
				return fmt.Errorf("the events are damaged: %w", bad)
			}
			if asJSON {
				_, _ = w.Write(line)
			} else {
				if e.Pass != pass {
					pass = e.Pass
					fmt.Fprintf(w, "pass %s\n", report.Escape(pass))
				}
				fmt.Fprintln(w, eventLine(e.Event))
			}
		}
		if err == io.EOF {
			return w.Flush()
		}
		if err != nil {
			return fmt.Errorf("the events are damaged: %w", err)
		}
	}
}

// eventLine is an event in one line: when, who, what, and about what.
func eventLine(e event.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%7d %10.3f %6d %-15s %-12s", e.Seq, e.Time.Round(time.Millisecond).Seconds(), e.Task.PID, report.Escape(e.Task.Comm), e.Kind)
	say := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, " %s%s", name, report.Escape(value))
		}
	}
	if p := e.Exec; p != nil {
		say("", p.Path)
		say("argv=", strings.Join(p.Argv, " "))
	}
	say("", e.Name)
	say("", e.Path)
	say("-> ", e.Target)
	say("type=", e.FSType)
	if e.Local != nil {
		say("local=", endpointText(e.Local))
	}
	if e.Remote != nil {
		say("remote=", endpointText(e.Remote))
	}
	if e.Flags != 0 {
		fmt.Fprintf(&b, " flags=%#x", e.Flags)
	}
	if e.Mode != 0 {
		fmt.Fprintf(&b, " mode=%#o", e.Mode)
	}
	if len(e.Args) > 0 {
		fmt.Fprintf(&b, " args=%d", e.Args)
	}
	if e.Child != 0 {
		fmt.Fprintf(&b, " child=%d", e.Child)
	}
	if e.Exit != nil {
		fmt.Fprintf(&b, " code=%d signal=%d", e.Exit.Code, e.Exit.Signal)
	}
	say("data=", e.Data)
	if e.Errno != 0 {
		fmt.Fprintf(&b, " errno=%d", e.Errno)
	}
	return b.String()
}

func endpointText(e *event.Endpoint) string {
	switch e.Family {
	case "inet":
		return fmt.Sprintf("%s:%s:%d", e.Proto, e.IP, e.Port)
	case "inet6":
		return fmt.Sprintf("%s:[%s]:%d", e.Proto, e.IP, e.Port)
	case "unix":
		return "unix:" + e.Path
	}
	return e.Family
}
