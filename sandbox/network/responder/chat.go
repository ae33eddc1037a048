package responder

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// chat is the interfaces of chat platforms for bots: Telegram Bot API 7, Discord
// API v10, Slack Web API. Whoever asks for messages gets a few that say what a
// master would: a harmless command, in the ways that bots are told one.
type chat struct{ token string }

// Hosts of the platforms' interfaces.
const (
	telegramHost = "api.telegram.org"
	slackHost    = "slack.com"
)

var (
	discordHosts = []string{"discord.com", "discordapp.com"}
	telegramCall = regexp.MustCompile(`^/(?:file/)?bot[^/]+/(?:test/)?([A-Za-z]+)$`)
	discordCall  = regexp.MustCompile(`^/api(?:/v\d+)?/(channels/\d+/messages|webhooks/\d+/[^/]+|users/@me|gateway(?:/bot)?)`)
)

func (s chat) answer(r *request) *answer {
	var a *answer
	switch {
	case r.host == telegramHost:
		a = s.telegram(r)
	case below(r.host, discordHosts):
		a = s.discord(r)
	case r.host == slackHost || r.host == "www.slack.com" || r.host == "hooks.slack.com":
		a = s.slack(r)
	}
	if a != nil {
		a.app = "chat"
	}
	return a
}

// command is what the bot is told to do: it prints a word that nobody else has.
func (s chat) command() string { return "echo " + s.token }

// orders is the command in the forms that bots know.
func (s chat) orders() []string {
	c := s.command()
	return []string{c, "/cmd " + c, "/shell " + c, "/exec " + c, "/run " + c, "!sh " + c, "!cmd " + c}
}

func (s chat) ordered(a *answer, m *message) *answer {
	a.message = m
	a.orders = append(a.orders, s.orders()...)
	return a
}

func (s chat) telegram(r *request) *answer {
	m := telegramCall.FindStringSubmatch(r.URL.Path)
	if m == nil {
		return jsonText(http.StatusNotFound, `{"ok":false,"error_code":404,"description":"Not Found"}`)
	}
	method := m[1]
	note := &message{kind: method, fields: map[string]string{}}
	put(note.fields, "text", value(r, "text"))
	switch strings.ToLower(method) {
	case "getme":
		return said(jsonText(http.StatusOK, `{"ok":true,"result":{"id":7000000001,"is_bot":true,"first_name":"bot","username":"bot"}}`), note)
	case "getupdates":
		const first = 100
		offset, _ := strconv.Atoi(value(r, "offset"))
		if offset > first {
			return said(jsonText(http.StatusOK, `{"ok":true,"result":[]}`), note)
		}
		var list []string
		for i, o := range s.orders() {
			list = append(list, fmt.Sprintf(`{"update_id":%d,"message":{"message_id":%d,"date":1700000000,"from":{"id":5000000001,"is_bot":false,"first_name":"a"},"chat":{"id":5000000001,"type":"private"},"text":%q}}`, first+i, i+1, o))
		}
		return s.ordered(jsonText(http.StatusOK, `{"ok":true,"result":[`+strings.Join(list, ",")+`]}`), note)
	}
	return said(jsonText(http.StatusOK, `{"ok":true,"result":{"message_id":9,"date":1700000000,"chat":{"id":5000000001,"type":"private"},"text":""}}`), note)
}

// value is a parameter, from the address or from a form or JSON in the body.
func value(r *request, name string) string {
	if v := r.URL.Query().Get(name); v != "" {
		return v
	}
	return bodyValue(r.Header.Get("Content-Type"), r.body, name)
}

func (s chat) discord(r *request) *answer {
	m := discordCall.FindStringSubmatch(r.URL.Path)
	if m == nil {
		return nil
	}
	kind, _, _ := strings.Cut(m[1], "/")
	note := &message{kind: r.Method + " " + kind, fields: map[string]string{}}
	put(note.fields, "text", value(r, "content"))
	switch {
	case kind == "webhooks":
		return said(&answer{status: http.StatusNoContent}, note)
	case kind == "users":
		return said(jsonText(http.StatusOK, `{"id":"1100000000000000001","username":"bot","bot":true}`), note)
	case kind == "gateway":
		return said(jsonText(http.StatusOK, `{"url":"wss://gateway.discord.gg","shards":1}`), note)
	case r.Method == http.MethodGet:
		var list []string
		for i, o := range s.orders() {
			list = append(list, fmt.Sprintf(`{"id":"12000000000000000%02d","type":0,"content":%q,"channel_id":"1","author":{"id":"5","username":"a"}}`, i, o))
		}
		return s.ordered(jsonText(http.StatusOK, "["+strings.Join(list, ",")+"]"), note)
	}
	return said(jsonText(http.StatusOK, `{"id":"1300000000000000001","type":0,"content":"","channel_id":"1"}`), note)
}

func (s chat) slack(r *request) *answer {
	if r.host == "hooks.slack.com" {
		return said(text(http.StatusOK, "ok"), &message{kind: "webhook", fields: map[string]string{}})
	}
	method, ok := strings.CutPrefix(r.URL.Path, "/api/")
	if !ok {
		return nil
	}
	note := &message{kind: clip(method), fields: map[string]string{}}
	put(note.fields, "text", value(r, "text"))
	if method == "conversations.history" || method == "conversations.replies" {
		var list []string
		for i, o := range s.orders() {
			list = append(list, fmt.Sprintf(`{"type":"message","user":"U1","text":%q,"ts":"17000000%02d.000100"}`, o, i))
		}
		return s.ordered(jsonText(http.StatusOK, `{"ok":true,"messages":[`+strings.Join(list, ",")+`],"has_more":false}`), note)
	}
	return said(jsonText(http.StatusOK, `{"ok":true,"channel":"C1","ts":"1700000000.000100","user_id":"U1","team":"T1"}`), note)
}
