package samples

// credentials are read where they lie, all of them planted by the sandbox. Who
// reads whole folders without being told of any, as backups do, is another
// matter: see secret-scan-tool/search, which must not be called malicious.
func credentials() []Sample {
	return []Sample{
		shows("cred-harvest/many-stores", script(`cd "$HOME"
cat .aws/credentials .docker/config.json .npmrc .git-credentials .ssh/id_ed25519 > /tmp/all
grep -r token .kube .config/gcloud
echo collected
`), malicious, ".aws/credentials", ".npmrc"),
		nearly("cred-harvest/own-cloud", acts("read-secrets")),
		shows("environ-harvest/all-processes", script("sleep 2 &\nsleep 2 &\nsleep 2 &\nsleep 0.2\ncat /proc/[0-9]*/environ > /tmp/e\necho collected\n"), bad, "environ"),
		nearly("environ-harvest/own", script("cat /proc/self/environ > /tmp/e\nps\nenv > /tmp/env\necho done\n")),
		shows("memory-cred-dump/first-process", script("actor read-memory 1\necho collected\n"), malicious, "/proc/1/mem"),
		nearly("memory-cred-dump/own", acts("read-memory", "self")),
		shows("sa-token-read/shell", script("cat /var/run/secrets/kubernetes.io/serviceaccount/token > /tmp/t\necho read\n"), harmless, "serviceaccount/token"),
		nearly("sa-token-read/namespace", script("cat /var/run/secrets/kubernetes.io/serviceaccount/namespace\n")),
		shows("imds-access/credentials", script("wget -q -O - http://169.254.169.254/latest/meta-data/iam/security-credentials/\necho asked\n"), harmless, "169.254.169.254"),
		nearly("imds-access/own-service", script("wget -q -O - http://config.example.test/latest/meta-data/\necho asked\n")),
		shows("shadow-read/cat", script("cat /etc/shadow\necho tried\n"), harmless, "/etc/shadow"),
		nearly("shadow-read/accounts", script("cat /etc/passwd /etc/group\nid app\n")),
		shows("priv-probe/many", script("grep CapEff /proc/self/status\nfind /bin -perm -4000\nhead -c 1 /dev/sda /proc/kcore\necho looked\n"), harmless, "CapEff", "-4000"),
		nearly("priv-probe/one", script("grep CapEff /proc/self/status\necho looked\n")),
	}
}
