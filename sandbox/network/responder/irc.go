package responder

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// IRC welcomes a client to any channel, and there gives one harmless order in
// the words that bots listen for. RFC 2812.
type IRC struct {
	Token string // what the order makes a bot print
}

var ircFirst = []string{"NICK", "USER", "PASS", "CAP", "SERVER"}

// App implements Responder.
func (*IRC) App() string { return "irc" }

// Claims implements Responder.
func (*IRC) Claims(first []byte, port uint16) Claim {
	// USER and PASS are also FTP's and POP3's first words, on their ports.
	if port == 21 || port == 110 {
		return No
	}
	return claimWords(first, ircFirst, " ")
}

// Greets implements Greeter.
func (*IRC) Greets(port uint16) bool { return port >= 6660 && port <= 6669 || port == 7000 }

const ircServer = "irc.example.net"

// Serve implements Responder.
func (s *IRC) Serve(_ context.Context, c *Conversation) error {
	if err := c.say(":" + ircServer + " NOTICE AUTH :*** Looking up your hostname\r\n"); err != nil {
		return err
	}
	nick, user, welcome := "", false, false
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		m := parseIRC(line)
		if m.command == "" {
			continue
		}
		c.Log.Message(true, clip(m.command), m.fields())
		answer := ""
		switch m.command {
		case "NICK":
			nick = m.param(0)[:min(len(m.param(0)), 64)] // it comes back in every line
		case "USER":
			user = true
		case "CAP":
			if m.param(0) == "LS" {
				answer = fmt.Sprintf(":%s CAP * LS :\r\n", ircServer)
			}
		case "PING":
			answer = fmt.Sprintf(":%s PONG %s :%s\r\n", ircServer, ircServer, m.param(0))
		case "JOIN":
			answer = s.join(nick, m.param(0))
			c.Log.Message(false, "PRIVMSG", map[string]string{"target": clip(m.param(0)), "text": clip(s.order())})
		case "QUIT":
			return c.say("ERROR :Closing link\r\n")
		}
		if nick != "" && user && !welcome {
			welcome = true
			answer += s.welcome(nick)
		}
		if answer != "" {
			if err := c.say(answer); err != nil {
				return err
			}
		}
	}
}

func (s *IRC) order() string { return "!sh echo " + s.Token }

func (s *IRC) welcome(nick string) string {
	return fmt.Sprintf(":%[1]s 001 %[2]s :Welcome to the network %[2]s\r\n:%[1]s 002 %[2]s :Your host is %[1]s\r\n"+
		":%[1]s 003 %[2]s :This server was created some time ago\r\n:%[1]s 004 %[2]s %[1]s 2.11 aoOirw biklmnopstv\r\n"+
		":%[1]s 422 %[2]s :No message of the day\r\n", ircServer, nick)
}

func (s *IRC) join(nick, channels string) string {
	var b strings.Builder
	for i, channel := range strings.Split(channels, ",") {
		if i == 8 || len(channel) > 200 { // RFC 2812 §1.3 has 50 characters
			break
		}
		fmt.Fprintf(&b, ":%[1]s!%[1]s@host.example.net JOIN :%[2]s\r\n:%[3]s 332 %[1]s %[2]s :welcome\r\n"+
			":%[3]s 353 %[1]s = %[2]s :%[1]s @boss\r\n:%[3]s 366 %[1]s %[2]s :End of names\r\n"+
			":boss!boss@host.example.net PRIVMSG %[2]s :%[4]s\r\n", nick, channel, ircServer, s.order())
	}
	return b.String()
}

// ircMessage is a command with its parameters. RFC 2812 §2.3.1.
type ircMessage struct {
	command string
	params  []string
}

func parseIRC(line string) ircMessage {
	if strings.HasPrefix(line, ":") { // who it is from
		_, line, _ = strings.Cut(line, " ")
	}
	line, trailing, has := strings.Cut(line, " :")
	words := strings.Fields(line)
	if len(words) == 0 {
		return ircMessage{}
	}
	m := ircMessage{command: strings.ToUpper(words[0]), params: words[1:]}
	if has {
		m.params = append(slices.Clip(m.params), trailing)
	}
	return m
}

func (m ircMessage) param(i int) string {
	if i < len(m.params) {
		return m.params[i]
	}
	return ""
}

func (m ircMessage) fields() map[string]string {
	switch m.command {
	case "NICK":
		return map[string]string{"nick": clip(m.param(0))}
	case "JOIN":
		return map[string]string{"channel": clip(m.param(0))}
	case "PRIVMSG", "NOTICE":
		return map[string]string{"target": clip(m.param(0)), "text": clip(m.param(1))}
	}
	return map[string]string{"params": clip(strings.Join(m.params, " "))}
}
