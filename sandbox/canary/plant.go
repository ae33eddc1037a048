package canary

import (
	"encoding/base64"
	"encoding/json"
	"path"
	"strings"
)

// File is a secret's hiding place. It is only written where the image has no
// file of that path.
type File struct {
	Path    string // absolute
	Content []byte
	Mode    uint32 // permission bits
	Own     bool   // belongs to the guest's user, and so do the folders below its home; else to root
}

// Account is where engines and clusters mount the token of a pod's service account.
const Account = "/var/run/secrets/kubernetes.io/serviceaccount"

// Files are the places where a thief looks, for a guest whose home is home
// (e.g. /root). None of them makes an ordinary program behave differently
// unless it is the program that the secret is for, used at the place that it
// is for.
func (s *Set) Files(home string) []File {
	var files []File
	own := func(name string, parts ...string) {
		files = append(files, File{Path: path.Join(home, name), Content: []byte(strings.Join(parts, "")), Mode: 0o600, Own: true})
	}
	engine := func(name string, mode uint32, content string) {
		files = append(files, File{Path: name, Content: []byte(content), Mode: mode})
	}
	own(".aws/credentials", "[default]\naws_access_key_id = ", s.Value(AWSAccessKeyID), "\naws_secret_access_key = ", s.Value(AWSSecretAccessKey), "\n")
	own(".config/gcloud/application_default_credentials.json", s.serviceAccount())
	own(".azure/service_principal_entries.json", `[{"client_id": "3f0c2f1e-8a47-4f0b-9d53-6c1a2b7e9d10", "tenant": "c1b7a9d2-54e3-4d0f-8a6e-2f9b1c3d4e5f", "client_secret": "`, s.Value(AzureClientSecret), `"}]`, "\n")
	own(".docker/config.json", `{"auths":{"https://index.docker.io/v1/":{"auth":"`, base64.StdEncoding.EncodeToString([]byte("builder:"+s.Value(DockerToken))), `"}}}`, "\n")
	own(".npmrc", "//registry.npmjs.org/:_authToken=", s.Value(NPMToken), "\n")
	own(".pypirc", "[distutils]\nindex-servers = pypi\n\n[pypi]\nusername = __token__\npassword = ", s.Value(PyPIToken), "\n")
	own(".git-credentials", "https://builder:", s.Value(GitToken), "@github.com\n")
	own(".vault-token", s.Value(VaultToken))
	own(".kube/config", s.kubeconfig("ci-deployer", KubeconfigToken))
	own(".pgpass", "*:5432:*:app:", s.Value(DatabasePassword), "\n")
	// In a section of its own: clients that an image's own start-up calls must not read it.
	own(".my.cnf", "[mysqldump]\nhost=db-01.corp.example.net\nuser=backup\npassword=", s.Value(MySQLPassword), "\n")
	own(".ssh/id_ed25519", s.Value(SSHPrivateKey))
	own(".ssh/known_hosts", knownHosts)
	own(".ssh/config", sshConfig)
	own(".bash_history", history)
	own(".bitcoin/wallet.dat", s.wallet())
	own(".ethereum/keystore/UTC--2023-11-08T09-14-22.481093125Z--7e5f4552091a69125d5dfcb7b8c2659029395bdf", s.keystore())
	own(".mozilla/firefox/k3v1b7qd.default-release/logins.json", `{"nextId":2,"logins":[{"id":1,"hostname":"https://login.bank.example","encryptedUsername":"MDIEEPgAAAAAAAAAAAAAAAAAAAEwFAYI","encryptedPassword":"`, s.Value(BrowserPassword), `","encType":1}],"version":3}`)
	engine(path.Join(Account, "token"), 0o644, s.Value(KubernetesToken))
	engine(path.Join(Account, "namespace"), 0o644, "default")
	engine("/run/secrets/db_password", 0o444, s.Value(SecretFile)+"\n")
	return files
}

// serviceAccount is the key file of one at Google Cloud.
func (s *Set) serviceAccount() string {
	b, err := json.MarshalIndent(map[string]string{
		"type": "service_account", "project_id": "corp-prod-7312", "private_key_id": "9b1d0c5a7e3f4826b0c9d8e7f6a5b4c3d2e1f009", "private_key": s.Value(GCPPrivateKey),
		"client_email": "ci-deployer@corp-prod-7312.iam.gserviceaccount.com", "client_id": "108264913745520981637", "token_uri": "https://oauth2.googleapis.com/token",
	}, "", "  ")
	if err != nil { // strings always marshal
		return ""
	}
	return string(b) + "\n"
}

func (s *Set) kubeconfig(user, token string) string {
	return `apiVersion: v1
kind: Config
clusters:
- name: prod
  cluster: {server: "https://` + ClusterAddress + `:443", insecure-skip-tls-verify: true}
users:
- name: ` + user + `
  user: {token: ` + s.Value(token) + `}
contexts:
- name: prod
  context: {cluster: prod, user: ` + user + `}
current-context: prod
`
}

// wallet begins like a Berkeley DB, in which Bitcoin Core keeps keys.
func (s *Set) wallet() string {
	page := make([]byte, 8<<10)
	copy(page[12:], "\x62\x31\x05\x00\x09\x00\x00\x00\x00\x10\x00\x00\x00\x09")
	copy(page[4<<10:], "\x04mkey\x01\x00\x00\x00\x30"+s.Value(WalletKey)+"\x04ckey\x21\x02defaultkey\x0aminversion")
	return string(page)
}

// keystore is a key of Ethereum, in version 3 of the Web3 Secret Storage Definition.
func (s *Set) keystore() string {
	return `{"address":"7e5f4552091a69125d5dfcb7b8c2659029395bdf","crypto":{"cipher":"aes-128-ctr","ciphertext":"` + s.Value(KeystoreKey) +
		`","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},"kdf":"scrypt","kdfparams":{"dklen":32,"n":262144,"p":1,"r":8,"salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},` +
		`"mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}` + "\n"
}

// What tells a worm where to go next. The keys are of nobody.
const (
	knownHosts = "build-01.corp.example.net,10.20.4.11 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEqN0zv5S8r2cYpX1Uu0mQeKf7bT9wHsVJ3nLrD4aGxo\n" +
		"db-01.corp.example.net,10.20.4.21 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7uYw2kPZtVQm5dXj8sLhRf3cNg6eTa9oKxJ1iWbMqD\n" +
		"10.20.4.31 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMv4nTz8cRbXq1yWfJ6uDkPe2sHgLo7aVi9xKm3wQtNB\n"
	sshConfig = "Host build\n  HostName build-01.corp.example.net\n  User deploy\n  IdentityFile ~/.ssh/id_ed25519\n\nHost db\n  HostName 10.20.4.21\n  User postgres\n"
	history   = "docker ps\nssh deploy@build-01.corp.example.net\nscp backup.tgz deploy@10.20.4.31:/srv/backup/\nkubectl get pods -n prod\nssh postgres@db-01.corp.example.net pg_dump app > app.sql\nexit\n"
)

// Environment is the variables that hold secrets, as KEY=VALUE. The image's
// own variables take precedence.
func (s *Set) Environment() []string {
	return []string{
		"DATABASE_PASSWORD=" + s.Value(EnvDatabase),
		"GITHUB_TOKEN=" + s.Value(EnvGitHubToken),
		"API_SECRET_KEY=" + s.Value(EnvAPIKey),
	}
}
