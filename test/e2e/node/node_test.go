package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/process"
)

// Addresses of the cluster in its own network namespace.
const (
	nodeIP   = "10.99.0.1"
	registry = nodeIP + ":5000" // where the gate's own image and pause come from
	upstream = nodeIP + ":5055" // `sallyport demo`, known to the gate as demo.test
	proxyIP  = "10.96.0.50"     // the proxy's Service
	domain   = "cluster.local"
	token    = "e2e-administrator"
)

// node is a cluster of one node.
type node struct {
	tools      cluster.Tools
	dir        string
	kubeconfig string
	containerd string // the program
	old        bool   // containerd 1.6
	root       *x509.CertPool
	processes  []*process.Process
}

// deadline is generous: others may use the machine, too.
const deadline = 5 * time.Minute

// start makes the machine and everything of Kubernetes on it.
func start(t *testing.T, containerd string) *node {
	n := &node{tools: cluster.NeedTools(t), dir: os.Getenv(inside), containerd: containerd}
	version, err := exec.Command(containerd, "--version").Output()
	if err != nil {
		cluster.Missing(t, containerd+": "+err.Error())
	}
	n.old = strings.Contains(string(version), " 1.")
	t.Logf("%s", strings.TrimSpace(string(version)))
	t.Cleanup(func() {
		if t.Failed() {
			n.explain(t)
		}
	})

	n.machine(t)
	n.run(t, "registry", "crane", "registry", "serve", "--address", registry, "--disk", n.folder(t, "registry"))
	n.program(t, "upstream", os.Getenv("GATE_UNDER_TEST"), "demo", "--listen", upstream)
	n.startContainerd(t)
	n.controlPlane(t)
	n.kubelet(t)
	go serveNames(t, n)
	n.images(t)
	n.eventually(t, "the node is Ready", func() error {
		out, err := n.try("get", "node", "node1", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
		if err == nil && out != "True" {
			err = fmt.Errorf("Ready is %q", out)
		}
		return err
	})
	return n
}

// machine makes what namespaces lack: /proc, loopback, the node's address, and
// folders that programs insist on.
func (n *node) machine(t *testing.T) {
	sh(t, `mount --make-rprivate /
mount -t proc proc /proc
for d in /var/log/pods /var/log/containers /var/lib/kubelet /var/lib/cni /run/containerd /run/netns /etc/cni; do mkdir -p $d; mount -t tmpfs tmpfs $d; done
ip link set lo up
ip link add node0 type bridge
ip addr add %s/24 dev node0
ip link set node0 up
ip route add default dev node0
echo 1 >/proc/sys/net/ipv4/ip_forward`, nodeIP)
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	if len(groups) == 0 {
		groups = []string{"/sys/fs/cgroup/cgroup.procs"}
	}
	for _, g := range groups {
		dir := filepath.Join(filepath.Dir(g), filepath.Base(n.dir))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			cluster.Missing(t, "needs control groups that it may make: "+err.Error())
		}
		// A new cpuset is empty until it is told what it has.
		for _, f := range []string{"cpuset.cpus", "cpuset.mems"} {
			if b, err := os.ReadFile(filepath.Join(filepath.Dir(dir), f)); err == nil {
				_ = os.WriteFile(filepath.Join(dir, f), b, 0o644)
			}
		}
	}
}

// folder makes a folder below the test's own.
func (n *node) folder(t testing.TB, name string) string {
	dir := filepath.Join(n.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (n *node) write(t testing.TB, name, text string) string {
	file := filepath.Join(n.folder(t, filepath.Dir(name)), filepath.Base(name))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// run starts a tool of the module.
func (n *node) run(t testing.TB, name, tool string, args ...string) *process.Process {
	return n.program(t, name, n.tools.Path(tool), args...)
}

func (n *node) program(t testing.TB, name, path string, args ...string) *process.Process {
	t.Helper()
	cmd := exec.Command(path, args...)
	// containerd finds its shim beside itself: each has its own.
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"))
	p, err := process.Start(n.folder(t, "log"), name, cmd)
	if err != nil {
		t.Fatal(err)
	}
	n.processes = append(n.processes, p)
	return p
}

func (n *node) startContainerd(t *testing.T) {
	for _, host := range []struct{ name, server string }{
		{registry, "http://" + registry},
		// The gate is the server, too: a mirror that refuses is passed over for it.
		{"demo.test", "http://" + proxyIP + ":5000"},
	} {
		n.write(t, "certs.d/"+host.name+"/hosts.toml", fmt.Sprintf("server = %q\n[host.%q]\n  capabilities = [\"pull\", \"resolve\"]\n", host.server, host.server))
	}
	n.write(t, "cni/10-bridge.conflist", `{"cniVersion":"1.0.0","name":"net","plugins":[{"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":false,"hairpinMode":true,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.244.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}}]}`)
	config := `version = 3
root = "%[1]s/ctrd-root"
state = "%[1]s/ctrd-state"
[grpc]
  address = "%[1]s/ctrd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_address = "127.0.0.1"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "%[2]s/pause:1"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "%[1]s/certs.d"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "%[1]s/cni"
`
	if n.old {
		config = `version = 2
root = "%[1]s/ctrd-root"
state = "%[1]s/ctrd-state"
[grpc]
  address = "%[1]s/ctrd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%[2]s/pause:1"
  stream_server_address = "127.0.0.1"
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "%[1]s/certs.d"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "%[1]s/cni"
`
	}
	n.program(t, "containerd", n.containerd, "--config", n.write(t, "containerd.toml", fmt.Sprintf(config, n.dir, registry)))
}

func (n *node) controlPlane(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sa := n.write(t, "sa.key", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
	tokens := n.write(t, "tokens.csv", token+",admin,admin,\"system:masters\"\ne2e-developer,developer,developer,\"developers\"\n")
	pki := n.folder(t, "pki")

	const etcd, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
	n.run(t, "etcd", "etcd", "--data-dir", n.dir+"/etcd", "--unsafe-no-fsync",
		"--listen-client-urls", etcd, "--advertise-client-urls", etcd,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	server := n.run(t, "kube-apiserver", "kube-apiserver", "--etcd-servers="+etcd, "--secure-port=6443",
		"--bind-address="+nodeIP, "--advertise-address="+nodeIP, "--cert-dir="+pki, "--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+sa, "--service-account-signing-key-file="+sa,
		"--token-auth-file="+tokens, "--authorization-mode=RBAC", "--allow-privileged=true",
		"--kubelet-preferred-address-types=InternalIP", "--enable-aggregator-routing=true", "--shutdown-delay-duration=0s")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	err = server.Wait(ctx, func(ctx context.Context) error {
		ca, err := os.ReadFile(pki + "/apiserver.crt")
		if err != nil {
			return err
		}
		n.root = x509.NewCertPool()
		n.root.AppendCertsFromPEM(ca)
		return process.Answers(n.client(), "https://"+nodeIP+":6443/readyz", token)(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	n.kubeconfig = n.write(t, "kubeconfig", fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: e2e, cluster: {server: "https://%s:6443", certificate-authority: %s/apiserver.crt}}]
users: [{name: admin, user: {token: %s}}]
contexts: [{name: e2e, context: {cluster: e2e, user: admin}}]
current-context: e2e
`, nodeIP, pki, token))
	n.run(t, "kube-controller-manager", "kube-controller-manager", "--kubeconfig="+n.kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1",
		"--service-account-private-key-file="+sa, "--root-ca-file="+pki+"/apiserver.crt")
	n.run(t, "kube-scheduler", "kube-scheduler", "--kubeconfig="+n.kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1")
}

// client speaks to the API server.
func (n *node) client() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: n.root}}}
}

func (n *node) kubelet(t *testing.T) {
	config := n.write(t, "kubelet.yaml", fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: %[1]s
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /%[3]s
cgroupsPerQOS: true
enforceNodeAllocatable: [pods]
containerRuntimeEndpoint: unix://%[2]s/ctrd.sock
clusterDNS: [%[1]s]
clusterDomain: %[4]s
failSwapOn: false
podLogsDir: %[2]s/podlogs
imageGCHighThresholdPercent: 100
syncFrequency: 10s
evictionHard: {memory.available: "0%%", nodefs.available: "0%%", imagefs.available: "0%%", nodefs.inodesFree: "0%%", imagefs.inodesFree: "0%%"}
`, nodeIP, n.dir, filepath.Base(n.dir), domain))
	n.run(t, "kubelet", "kubelet", "--config="+config, "--kubeconfig="+n.kubeconfig, "--root-dir="+n.dir+"/kubelet", "--cert-dir="+n.dir+"/kubelet-pki",
		"--hostname-override=node1", "--node-ip="+nodeIP)
	n.run(t, "kube-proxy", "kube-proxy", "--kubeconfig="+n.kubeconfig, "--proxy-mode=nftables", "--hostname-override=node1", "--cluster-cidr=10.244.0.0/16",
		"--metrics-bind-address=127.0.0.1:10249", "--healthz-bind-address=127.0.0.1:10256",
		"--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0", "--conntrack-tcp-timeout-close-wait=0")
}

// images puts what the node itself needs into its registry: pause and the gate.
func (n *node) images(t *testing.T) {
	crane := n.tools.Path("crane")
	n.eventually(t, "the registry answers", func() error {
		_, err := exec.Command(crane, "catalog", "--insecure", registry).CombinedOutput()
		return err
	})
	// Whatever sleeps can be pause.
	sh(t, `mkdir -p %[1]s/pause/bin && cp "$(command -v busybox)" %[1]s/pause/bin/busybox && tar -C %[1]s/pause -cf %[1]s/pause.tar .
%[2]s append --insecure -f %[1]s/pause.tar -t %[3]s/pause:1
%[2]s mutate --insecure %[3]s/pause:1 --entrypoint /bin/busybox,sleep,1000000000 --set-platform linux/%[5]s -t %[3]s/pause:1
%[2]s push --insecure %[4]s %[3]s/sallyport:e2e`, n.dir, crane, registry, os.Getenv("IMAGE_UNDER_TEST"), runtime.GOARCH)
}

// eventually waits until condition holds.
func (n *node) eventually(t testing.TB, what string, condition func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = condition(); err == nil {
			return
		}
		for _, p := range n.processes {
			select {
			case <-p.Ended():
				t.Fatalf("%s ended while waiting until %s\n%s", p.Name, what, p.Tail())
			default:
			}
		}
	}
	t.Fatalf("not within %v: %s: %v", deadline, what, err)
}

// explain says what a failed test left, for who looks at a log of CI.
func (n *node) explain(t *testing.T) {
	if n.kubeconfig == "" {
		for _, p := range n.processes {
			t.Log(p.Tail())
		}
		return
	}
	for _, args := range [][]string{
		{"get", "pods", "-A", "-o", "wide"}, {"get", "events", "-A", "--sort-by=.lastTimestamp"}, {"-n", "sallyport", "describe", "pods"},
		{"-n", "sallyport", "logs", "-l", "app.kubernetes.io/instance=sallyport", "--tail=60", "--prefix"},
	} {
		out, _ := n.try(args...)
		t.Logf("kubectl %s\n%s", strings.Join(args, " "), out)
	}
	for _, p := range n.processes {
		if p.Name == "containerd" || p.Name == "kubelet" {
			t.Log(p.Tail())
		}
	}
}
