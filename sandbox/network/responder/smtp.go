package responder

import (
	"context"
	"io"
	"strings"
)

// SMTP is a mail server that takes everything and delivers nothing. RFC 5321;
// with STARTTLS, RFC 3207.
type SMTP struct {
	TLS *TLS // nil: it does not offer it
}

// App implements Responder.
func (*SMTP) App() string { return "smtp" }

// Claims implements Responder.
func (*SMTP) Claims(first []byte, _ uint16) Claim {
	return claimWords(first, []string{"EHLO", "HELO"}, " \r\n")
}

// Greets implements Greeter.
func (*SMTP) Greets(port uint16) bool {
	return port == 25 || port == 465 || port == 587 || port == 2525
}

// Serve implements Responder.
func (s *SMTP) Serve(ctx context.Context, c *Conversation) error {
	// A client that goes on inside of TLS was greeted before, and speaks at once.
	if greeted := c.TLS && c.Reader.Buffered() > 0; !greeted {
		if err := c.say("220 mail.example.net ESMTP Postfix\r\n"); err != nil {
			return err
		}
	}
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		verb, rest, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(clip(verb))
		if verb == "" {
			continue
		}
		c.Log.Message(true, verb, map[string]string{"args": clip(rest)})
		answer := "250 2.0.0 Ok\r\n"
		switch verb {
		case "EHLO":
			answer = "250-mail.example.net\r\n250-SIZE 10240000\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n"
			if s.offersTLS(c) {
				answer = strings.Replace(answer, "250-AUTH", "250-STARTTLS\r\n250-AUTH", 1)
			}
		case "AUTH":
			if strings.EqualFold(rest, "LOGIN") {
				if answer, err = smtpLogin(c); err != nil {
					return err
				}
				break
			}
			answer = "235 2.7.0 Authentication successful\r\n"
		case "STARTTLS":
			if s.offersTLS(c) {
				if err := c.say("220 2.0.0 Ready to start TLS\r\n"); err != nil {
					return err
				}
				return s.TLS.Serve(ctx, c)
			}
			answer = "502 5.5.1 Not implemented\r\n"
		case "DATA":
			if err := c.say("354 End data with <CR><LF>.<CR><LF>\r\n"); err != nil {
				return err
			}
			if err := smtpData(c); err != nil {
				return err
			}
			answer = "250 2.0.0 Ok: queued as 4711\r\n"
		case "QUIT":
			return c.say("221 2.0.0 Bye\r\n")
		}
		if err := c.say(answer); err != nil {
			return err
		}
	}
}

func (s *SMTP) offersTLS(c *Conversation) bool { return s.TLS != nil && !c.TLS }

// smtpLogin asks for a name and a password, base64 of "Username:" and "Password:".
func smtpLogin(c *Conversation) (answer string, err error) {
	fields := map[string]string{}
	for _, step := range []struct{ prompt, field string }{{"VXNlcm5hbWU6", "user"}, {"UGFzc3dvcmQ6", "password"}} {
		if err := c.say("334 " + step.prompt + "\r\n"); err != nil {
			return "", err
		}
		line, err := c.line()
		if err != nil {
			return "", err
		}
		fields[step.field] = clip(line)
	}
	c.Log.Message(true, "LOGIN", fields)
	return "235 2.7.0 Authentication successful\r\n", nil
}

// smtpData reads a message over, up to its last line, and notes its subject.
func smtpData(c *Conversation) error {
	for lines := 0; lines < 1<<20; lines++ {
		line, err := c.line()
		if err != nil {
			return err
		}
		if line == "." {
			return nil
		}
		if name, value, ok := strings.Cut(line, ":"); ok && lines < 100 && strings.EqualFold(name, "Subject") {
			c.Log.Message(true, "subject", map[string]string{"text": clip(strings.TrimSpace(value))})
		}
	}
	return io.ErrShortBuffer
}
