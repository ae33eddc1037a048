package responder

import (
	"bytes"
	"context"
)

// Telnet asks for a name and a password, again and again. RFC 854.
type Telnet struct{}

// App implements Responder.
func (*Telnet) App() string { return "telnet" }

const iac = 0xff // interpret as command

// Claims implements Responder: a negotiation says it on any port.
func (*Telnet) Claims(first []byte, port uint16) Claim {
	switch {
	case first[0] == iac && len(first) == 1:
		return More
	case first[0] == iac && first[1] >= 0xfb && first[1] != iac:
		return Yes
	case port == 23 || port == 2323:
		return Yes // whatever is typed
	}
	return No
}

// Greets implements Greeter.
func (*Telnet) Greets(port uint16) bool { return port == 23 || port == 2323 }

// telnetTries is after how many logins a server hangs up.
const telnetTries = 20

// Serve implements Responder.
func (*Telnet) Serve(_ context.Context, c *Conversation) error {
	if err := c.say("\xff\xfb\x01\r\nnode-7 login: "); err != nil { // WILL ECHO
		return err
	}
	for range telnetTries {
		user, err := telnetLine(c)
		if err != nil {
			return err
		}
		if err := c.say("\r\nPassword: "); err != nil {
			return err
		}
		password, err := telnetLine(c)
		if err != nil {
			return err
		}
		c.Log.Message(true, "auth", map[string]string{"method": "password", "user": user, "password": password})
		if err := c.say("\r\nLogin incorrect\r\nnode-7 login: "); err != nil {
			return err
		}
	}
	return nil
}

// telnetLine is a line without the commands in it.
func telnetLine(c *Conversation) (string, error) {
	line, err := c.line()
	if err != nil {
		return "", err
	}
	text := []byte(line)
	for {
		i := bytes.IndexByte(text, iac)
		if i < 0 {
			return clip(string(bytes.Trim(text, "\x00\r"))), nil
		}
		text = append(text[:i:i], text[min(len(text), i+3):]...) // command and option
	}
}
