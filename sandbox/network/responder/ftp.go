package responder

import (
	"context"
	"strings"
)

// FTP asks for a name and a password, and finds none of them right, but for
// anonymous visitors, who see an empty server. RFC 959.
type FTP struct{}

// App implements Responder.
func (*FTP) App() string { return "ftp" }

// Claims implements Responder: USER is IRC's word as well, which NICK precedes there.
func (*FTP) Claims(first []byte, port uint16) Claim {
	if port != 21 && port != 2121 {
		return No
	}
	return claimWords(first, []string{"USER", "AUTH", "FEAT", "SYST", "QUIT", "OPTS", "HELP"}, " \r\n")
}

// Greets implements Greeter.
func (*FTP) Greets(port uint16) bool { return port == 21 || port == 2121 }

// Serve implements Responder.
func (*FTP) Serve(_ context.Context, c *Conversation) error {
	if err := c.say("220 (vsFTPd 3.0.5)\r\n"); err != nil {
		return err
	}
	user := ""
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		verb, rest, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(clip(verb))
		answer := "530 Please login with USER and PASS.\r\n"
		switch verb {
		case "":
			continue
		case "USER":
			user, answer = clip(rest), "331 Please specify the password.\r\n"
		case "PASS":
			c.Log.Message(true, "auth", map[string]string{"method": "password", "user": user, "password": clip(rest)})
			answer = "530 Login incorrect.\r\n"
			if strings.EqualFold(user, "anonymous") || strings.EqualFold(user, "ftp") {
				answer = "230 Login successful.\r\n"
			}
		case "AUTH", "FEAT", "OPTS":
			answer = "502 Command not implemented.\r\n"
		case "SYST":
			answer = "215 UNIX Type: L8\r\n"
		case "QUIT":
			return c.say("221 Goodbye.\r\n")
		case "PWD", "CWD", "TYPE", "PASV", "EPSV", "LIST", "NLST", "RETR", "STOR", "NOOP", "SIZE", "MKD", "DELE":
			c.Log.Message(true, verb, map[string]string{"args": clip(rest)})
		}
		if err := c.say(answer); err != nil {
			return err
		}
	}
}
