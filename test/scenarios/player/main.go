// Player is the program in the images of scenarios: it plays the programs of
// their stories, each a role. It goes by the name under which it was started,
// or else by its first argument. Like the actor of package samples it is
// harmless by construction: it talks to nobody but whom the simulated internet
// plays (see guard.go), carries no payload, and harms no file that a scenario
// did not make for it.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// limit is for one conversation.
const limit = 10 * time.Second

// roles by name. Each gets the arguments after its name.
var roles = map[string]func(args []string) error{
	"curl":    curl,
	"ssh":     sshClient,
	"kubectl": kubectl,

	"xmrig":         miner,
	"quiet-miner":   quietMiner,
	"docker-worm":   dockerWorm,
	"kube-worm":     kubeWorm,
	"redis-worm":    redisWorm,
	"ssh-worm":      sshWorm,
	"dead-drop":     deadDrop,
	"reverse-shell": reverseShell,
	"relay-shell":   relayShell,
	"fileless":      fileless,
	"beacon":        beacon,
	"bot":           ircBot,
	"worker":        worker,
	"backdoor":      backdoor,
	"leak":          leak,
	"leave":         leave,
	"pose":          pose,

	"webserver":  webserver,
	"postgres":   postgres,
	"gosu":       gosu,
	"java":       java,
	"cloud-app":  cloudApp,
	"node-agent": nodeAgent,
	"sshd":       sshd,
	"backup":     backup,
}

func init() { // interpreters look into roles themselves
	for _, name := range []string{"python3", "node"} {
		roles[name] = interpreter
	}
}

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	role, ok := roles[name]
	if !ok && len(args) > 0 && strings.HasPrefix(args[0], "--url") { // a miner under another name
		role, ok = miner, true
	}
	if !ok && len(args) > 0 {
		name, args = args[0], args[1:]
		role, ok = roles[name]
	}
	if !ok {
		var names []string
		for n := range roles {
			names = append(names, n)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "player: no role %q; there are %s\n", name, strings.Join(names, ", "))
		os.Exit(2)
	}
	if err := role(args); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// arg is the i-th argument, or what is used without it.
func arg(args []string, i int, without string) string {
	if i < len(args) {
		return args[i]
	}
	return without
}
