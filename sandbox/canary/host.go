package canary

import (
	"path"
	"strings"
)

// Host is what of a host's disk tempts one who finds it mounted at dir: all of
// root, and good for nothing.
func (s *Set) Host(dir string) []File {
	var files []File
	add := func(name string, mode uint32, parts ...string) {
		files = append(files, File{Path: path.Join(dir, name), Content: []byte(strings.Join(parts, "")), Mode: mode})
	}
	add("etc/hostname", 0o644, "node-7\n")
	add("etc/machine-id", 0o444, "4f0c9b1e7a524d3f8b6e2a9c1d0f7e35\n")
	add("etc/os-release", 0o644, "NAME=\"Ubuntu\"\nVERSION=\"22.04.4 LTS (Jammy Jellyfish)\"\nID=ubuntu\nVERSION_ID=\"22.04\"\n")
	add("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\n")
	add("etc/shadow", 0o640, "root:", s.Value(HostShadow), ":19811:0:99999:7:::\ndaemon:*:19769:0:99999:7:::\nubuntu:!:19811:0:99999:7:::\n")
	add("etc/crontab", 0o644, "SHELL=/bin/sh\n17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n")
	add("etc/cron.d/e2scrub_all", 0o644, "30 3 * * 0 root test -e /run/systemd/system || /sbin/e2scrub_all_cron\n")
	add("etc/kubernetes/admin.conf", 0o600, s.kubeconfig("kubernetes-admin", ClusterAdminToken))
	add("root/.ssh/id_ed25519", 0o600, s.Value(HostSSHKey))
	add("root/.ssh/authorized_keys", 0o600, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEqN0zv5S8r2cYpX1Uu0mQeKf7bT9wHsVJ3nLrD4aGxo ops@corp.example.net\n")
	add("root/.bash_history", 0o600, "kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes\nsystemctl restart kubelet\ncrictl ps\n")
	add("var/lib/kubelet/config.yaml", 0o644, "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication: {anonymous: {enabled: false}}\nclusterDNS: [10.96.0.10]\n")
	add("var/lib/kubelet/kubeconfig", 0o600, s.kubeconfig("system:node:node-7", ClusterAdminToken))
	return files
}
