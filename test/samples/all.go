package samples

import (
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sallyport-dev/sallyport/report"
)

// All lists every sample, grouped by behaviour.
func All() []Sample {
	return slices.Concat(
		reverseShell(), pipeDownloadShell(), programs(), encoded(), offered(), tools(), used(), entered(),
		memfdExec(), preloadFile(), mountDevice(),
		escapes(), persistence(), credentials(), hiding(), injection(), dormant(),
		scanHorizontal(), dockerSpread(),
		directEgress(), ircC2(),
		miningProtocol(), canaryExfil(),
		spread(), called(), taken(),
		passes(),
		benign(), broken(),
	)
}

// Slugs are the behaviours that samples show.
func Slugs() []string {
	return []string{
		"reverse-shell", "pipe-download-shell",
		"drift-exec-elf", "drift-exec-script", "ingress-exec-marker", "shm-exec", "hidden-path-exec", "deleted-exec", "pipe-decode-shell", "interp-inline-encoded",
		"miner-binary", "packed-elf", "compile-on-target", "config-exploit-workdir", "ldso-proxy-exec", "anti-debug", "tool-renamed", "tool-upload", "secret-scan-tool",
		"shell-devtcp", "webshell-exec", "multiarch-download",
		"bind-shell", "reverse-shell-relay", "miner-cmdline", "attack-tool-exec", "pkg-install-runtime",
		"memfd-exec", "ld-preload-file", "escape-mount-device",
		"escape-cgroup-agent", "escape-core-pattern", "escape-nsenter-init", "escape-chroot-host", "escape-runc-overwrite",
		"escape-runtime-sock", "escape-userns-chain",
		"cron-persistence", "init-persistence", "ssh-key-backdoor", "account-backdoor", "suid-create", "ld-preload-env", "system-binary-replaced",
		"cred-harvest", "environ-harvest", "memory-cred-dump", "sa-token-read", "imds-access", "shadow-read", "priv-probe",
		"masq-kthread", "masq-daemon", "process-hide", "log-wipe", "security-disable", "rival-kill", "sandbox-check", "time-bomb", "attr-tamper",
		"ptrace-inject", "vm-write-inject", "kernel-bug-primitives", "kernel-module-load", "uid-elevation", "rwx-unpack", "dormant-malware",
		"scan-horizontal", "docker-api-spread",
		"direct-ip-egress", "irc-c2",
		"mining-protocol", "canary-exfil",
		"ssh-spread", "redis-spread", "scan-vertical", "internet-search-recon", "exploit-outbound",
		"kube-spread", "db-bruteforce", "scan-raw", "worm-self-copy", "package-worm", "net-recon-local", "scan-neighbours", "ssh-target-harvest",
		"dyn-tunnel-host", "dga-dns", "dns-tunnel", "beacon-periodic",
		"chat-c2", "dead-drop", "tor-use", "raw-listener", "sinkhole-contact", "c2-fallback-list",
		"mining-pool-dns", "ddos-flood",
		"proxyware", "archive-upload", "ransom-encrypt", "mass-wipe", "env-exfil", "spam-relay", "resource-hijack",
	}
}

// Verdicts that samples expect.
var (
	malicious    = []report.Conclusion{report.Malicious}
	clean        = []report.Conclusion{report.Clean}
	inconclusive = []report.Conclusion{report.Inconclusive}
	skipped      = []report.Conclusion{report.Skipped}
	// At least suspicious: the behaviour alone is no proof.
	bad = []report.Conclusion{report.Suspicious, report.Malicious}
	// What a well-meant program may look like at worst.
	harmless = []report.Conclusion{report.Clean, report.Suspicious}
)

// acts is an image whose entrypoint is the actor.
func acts(args ...string) Spec {
	return Spec{Entrypoint: append([]string{"/bin/actor"}, args...)}
}

// script is an image whose entrypoint is a shell script.
func script(text string) Spec {
	return Spec{Entrypoint: []string{"/entrypoint.sh"}, Files: map[string]string{"/entrypoint.sh": "#!/bin/sh\n" + text}}
}

// shows is a sample that must be found out.
func shows(name string, image Spec, verdict []report.Conclusion, evidence ...string) Sample {
	s := Sample{Name: name, Image: image}
	s.Expect = Expect{MustHave: []Finding{{Slug: s.Slug(), Evidence: evidence}}, Verdict: verdict}
	return s
}

// nearly is a sample that must not be taken for what it resembles, and that is
// not malicious by anything else either.
func nearly(name string, image Spec) Sample {
	s := Sample{Name: name, Image: image, Near: true}
	s.Expect = Expect{MustNot: []string{s.Slug()}, Verdict: harmless}
	return s
}

// but adds to what a sample must show.
func (s Sample) but(slug string, evidence ...string) Sample {
	s.Expect.MustHave = append(slices.Clone(s.Expect.MustHave), Finding{Slug: slug, Evidence: evidence})
	return s
}

// foreign is a CPU that this machine does not have.
func foreign(arch string) *v1.Platform {
	if arch == "arm64" {
		return &v1.Platform{OS: "linux", Architecture: "amd64"}
	}
	return &v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
}

// verdict replaces the verdicts that a sample may get.
func (s Sample) verdict(v ...report.Conclusion) Sample {
	s.Expect.Verdict = v
	return s
}
