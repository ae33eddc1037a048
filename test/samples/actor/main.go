// Actor is the program inside the sample images: each of its commands does one
// thing that a behaviour rule must find, or one that looks alike and must not
// be found. It is harmless by construction: it talks to documentation addresses
// and names, few of them not under .test, that only the simulated world answers,
// carries no payload and harms no file that a sample did
// not make for it.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// commands by name. Each gets the arguments after its name.
var commands = map[string]func(args []string) error{
	"reverse-shell":       reverseShell,
	"reverse-shell-child": reverseShellChild,
	"inetd":               inetd,
	"loopback-shell":      loopbackShell,
	"upload-by-cat":       uploadByCat,

	"bind-shell":     bindShell,
	"knock-shell":    knockShell,
	"line-shell":     lineShell,
	"sleeping-shell": sleepingShell,
	"echo-server":    echoServer,
	"linger":         linger,
	"remove-self":    removeSelf,

	// What the program is asked when it goes by another name.
	"-o":         nothing,
	"-p22":       nothing,
	"-F":         nothing,
	"-fsSL":      nothing,
	"filesystem": nothing,
	"webshell":   webshell,
	"date-page":  datePage,

	"webshell-form": webshellForm,
	"contact-form":  contactForm,

	"trace-me": traceMe,
	"debug":    debug,
	"synth":    nothing,

	"memfd-exec": memfdExec,
	"memfd-map":  memfdMap,

	"mount-device": mountDevice,
	"mknod-device": mknodDevice,
	"mount-tmpfs":  mountTmpfs,

	"setns-init":         setnsInit,
	"setns-own":          setnsOwn,
	"chroot-proc":        chrootProc,
	"overwrite-exe":      overwriteExe,
	"update-self":        updateSelf,
	"docker-sock":        dockerSock,
	"docker-sock-create": dockerSockCreate,
	"own-docker-sock":    ownDockerSock,
	"userns-chain":       usernsChain,
	"userns-sandbox":     usernsSandbox,

	"ptrace-poke":   ptracePoke,
	"trace-child":   traceChild,
	"open-memory":   openMemory,
	"read-memory":   readMemory,
	"vm-write":      vmWrite,
	"kernel-doors":  kernelDoors,
	"kernel-crypto": kernelCrypto,
	"load-module":   loadModule,
	"as-user":       asUser,
	"wx-memory":     wxMemory,
	"take-name":     takeName,
	"exec-as":       execAs,
	"hide-process":  hideProcess,

	"scan":          scan,
	"scan-named":    scanNamed,
	"docker-spread": dockerSpread,
	"docker-client": dockerClient,

	"ssh-guess":  sshGuess,
	"ssh-once":   sshOnce,
	"redis-say":  redisSay,
	"scan-ports": scanPorts,
	"exploit":    exploit,
	"ship-logs":  shipLogs,
	"lookup":     lookup,

	"pg-guess":      pgGuess,
	"kube-spread":   kubeSpread,
	"kube-scrape":   kubeScrape,
	"flood":         flood,
	"search-master": searchMaster,
	"suffixes":      suffixes,
	"tunnel":        tunnel,
	"checksums":     checksums,
	"beacon":        beacon,

	"self-copy":       selfCopy,
	"upload":          upload,
	"publish-package": publishPackage,
	"install-package": installPackage,
	"look-around":     lookAround,
	"own-address":     ownAddress,
	"ssh-harvest":     sshHarvest,
	"syn-scan":        synScan,
	"ping-some":       pingSome,
	"knock":           knock,
	"telegram-bot":    telegramBot,
	"dead-drop":       deadDrop,
	"fallback":        fallback,
	"send-env":        sendEnv,
	"send-mail":       sendMail,
	"encrypt":         encrypt,
	"tune":            tune,

	"dial":          dial,
	"wait-and-dial": waitAndDial,
	"poll":          poll,
	"http-get":      httpGet,
	"irc-bot":       ircBot,
	"irc-client":    ircClient,
	"nick-form":     nickForm,

	"mine-xmr":    mineXMR,
	"mine-btc":    mineBTC,
	"json-rpc":    jsonRPC,
	"pool-server": poolServer,

	"exfil-post":   exfilPost,
	"exfil-base64": exfilBase64,
	"exfil-gzip":   exfilGzip,
	"exfil-xor":    exfilXOR,
	"exfil-bucket": exfilBucket,
	"exfil-dns":    exfilDNS,
	"s3-client":    s3Client,
	"read-secrets": readSecrets,
	"env-page":     envPage,

	"hog":        hog,
	"redial":     redial,
	"exec-storm": execStorm,

	"webserver":   webserver,
	"late-server": lateServer,
	"ok":          func([]string) error { fmt.Println("ok"); return nil },
}

func init() { commands["-c"] = interpret } // which looks into commands itself

func nothing([]string) error { return nil }

func main() {
	name := ""
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	command, ok := commands[name]
	if !ok {
		names := make([]string, 0, len(commands))
		for n := range commands {
			names = append(names, n)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "actor: no command %q; there are %s\n", name, strings.Join(names, ", "))
		os.Exit(2)
	}
	if err := command(os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "actor %s: %v\n", name, err)
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
