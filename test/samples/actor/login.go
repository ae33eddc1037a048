package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshGuess tries a list of passwords on each host, as worms do.
func sshGuess(hosts []string) error {
	for _, host := range hosts {
		n := 0
		passwords := ssh.RetryableAuthMethod(ssh.PasswordCallback(func() (string, error) {
			n++
			return fmt.Sprintf("root%d", n), nil
		}), 12)
		fmt.Println(host, sshLogin(host, "root", passwords))
	}
	return nil
}

// sshOnce offers the user's own key to one host, as git does.
func sshOnce(args []string) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(home, ".ssh", "id_ed25519"))
	if err != nil {
		return err
	}
	key, err := ssh.ParsePrivateKey(b)
	if err != nil {
		return err
	}
	fmt.Println(sshLogin(arg(args, 0, "git.example.test:22"), "git", ssh.PublicKeys(key)))
	return nil
}

func sshLogin(host, user string, how ssh.AuthMethod) error {
	conn, err := net.DialTimeout("tcp", host, limit)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	client, _, _, err := ssh.NewClientConn(conn, host, &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{how}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		return err
	}
	client.Close()
	return errors.New("let in")
}

// redisSay sends commands to a Redis server, one after the other.
func redisSay(args []string) error {
	conn, err := net.DialTimeout("tcp", arg(args, 0, "203.0.113.61:6379"), limit)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	answer := make([]byte, 4096)
	for _, command := range args[1:] {
		words := strings.Fields(command)
		fmt.Fprintf(conn, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(w), w)
		}
		n, err := conn.Read(answer)
		if err != nil {
			return err
		}
		fmt.Printf("%s -> %s", command, answer[:n])
	}
	return nil
}

// pgGuess tries n passwords at a PostgreSQL server; the same one with "same".
func pgGuess(args []string) error {
	n, err := strconv.Atoi(arg(args, 1, "12"))
	if err != nil {
		return err
	}
	for i := range n {
		password := fmt.Sprint("postgres", i)
		if arg(args, 2, "") == "same" {
			password = "postgres"
		}
		answer, err := pgLogin(arg(args, 0, "203.0.113.64:5432"), "postgres", password)
		fmt.Printf("%q %v\n", answer, err)
	}
	return nil
}

// pgLogin is the beginning of PostgreSQL's protocol: who, then the password.
func pgLogin(host, user, password string) (string, error) {
	conn, err := net.DialTimeout("tcp", host, limit)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	frame := func(head, body string) []byte {
		return append(binary.BigEndian.AppendUint32([]byte(head), uint32(4+len(body))), body...)
	}
	answer := make([]byte, 512)
	for _, words := range [][]byte{frame("", "\x00\x03\x00\x00user\x00"+user+"\x00\x00"), frame("p", password+"\x00")} {
		if _, err := conn.Write(words); err != nil {
			return "", err
		}
		n, err := conn.Read(answer)
		if err != nil {
			return "", err
		}
		answer = answer[:n:cap(answer)]
		if n > 0 && answer[0] == 'E' {
			return string(answer), nil
		}
		answer = answer[:cap(answer)]
	}
	return "", nil
}
