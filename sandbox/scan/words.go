package scan

import "bytes"

// words are what programs of one kind say of themselves in their files, by the
// name of the set of which any must be there. They are for programs: in a text
// they mean that somebody writes about such programs.
//
// Sources: the usage texts and protocol messages of XMRig, cpuminer, ccminer,
// T-Rex, lolMiner, SRBMiner and PhoenixMiner. This is a small set of our own, not YARA.
var words = []struct {
	set   string
	words []string
}{
	{"miner-pool-uri", []string{"stratum+tcp://", "stratum+ssl://", "stratum2+tcp://", "daemon+http://", "ethproxy+tcp://", "stratum+tcp", "stratum+ssl"}},
	{"miner-donation", []string{"donate-level", "donate.v2.xmrig.com", "dev fee", "devfee", "Dev fee"}},
	{"miner-algorithm", []string{"randomx", "RandomX", "cryptonight", "CryptoNight", "kawpow", "KawPow", "yespower", "ghostrider", "autolykos"}},
	{"miner-login", []string{"mining.authorize", "mining.subscribe", "eth_submitLogin", `"method":"login"`, "rig-id", "keepalived"}},
	{"miner-hashrate", []string{"hashrate", "Hashrate", "HashRate", "H/s", "accepted share", "hugepages", "huge pages"}},
}

// detectors are words that stand together only in programs that look for all
// kinds of bad programs, and so hold the words above as well.
var detectors = []string{"linpeas", "mimikatz", "cobaltstrike", "CobaltStrike", "metasploit"}

// findWords is the names of the sets of which b holds a word, and "detector" for programs
// that know many of other kinds too.
func findWords(b []byte) []string {
	var found []string
	for _, w := range words {
		for _, word := range w.words {
			if bytes.Contains(b, []byte(word)) {
				found = append(found, w.set)
				break
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	n := 0
	for _, word := range detectors {
		if bytes.Contains(b, []byte(word)) {
			n++
		}
	}
	if n >= 2 {
		found = append(found, "detector")
	}
	return found
}
