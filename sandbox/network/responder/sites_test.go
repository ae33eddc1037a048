package responder_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// ask sends one request to a site and returns what was noted, and the body.
func ask(t testing.TB, method, host, path, header, body string) (*notes, string) {
	t.Helper()
	words := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n%s", method, path, host, header, len(body), body)
	log, heard := talk(t, everything(t), 443, strings.NewReader(words))
	_, answer, _ := strings.Cut(heard, "\r\n\r\n")
	return log, answer
}

func TestChatPlatformsTellBotsWhatToDo(t *testing.T) {
	for name, c := range map[string]struct{ method, host, path, kind string }{
		"Telegram": {"GET", "api.telegram.org", "/bot123:abc/getUpdates", "getUpdates"},
		"Discord":  {"GET", "discord.com", "/api/v10/channels/77/messages?limit=5", "GET channels"},
		"Slack":    {"GET", "slack.com", "/api/conversations.history?channel=C1", "conversations.history"},
	} {
		t.Run(name, func(t *testing.T) {
			log, answer := ask(t, c.method, c.host, c.path, "", "")
			if log.app != "chat" || log.messages[0].Type != c.kind || !log.messages[0].Out {
				t.Fatalf("%s, noted %+v", log.app, log.messages)
			}
			orders := 0
			for _, m := range log.messages {
				if !m.Out && m.Type == "order" && strings.Contains(m.Fields["text"], "echo token") {
					orders++
				}
			}
			if orders < 3 || !json.Valid([]byte(answer)) || !strings.Contains(answer, "echo token") {
				t.Errorf("%d orders, answered %q", orders, answer)
			}
		})
	}
}

func TestChatPlatformsTakeWhatIsSent(t *testing.T) {
	log, _ := ask(t, "POST", "api.telegram.org", "/bot1:a/sendMessage", "Content-Type: application/json\r\n", `{"chat_id":5,"text":"hello"}`)
	if len(log.messages) != 1 || log.messages[0].Type != "sendMessage" || log.messages[0].Fields["text"] != "hello" {
		t.Errorf("noted %+v", log.messages)
	}
	log, _ = ask(t, "POST", "discord.com", "/api/webhooks/12/abc", "", `{"content":"x"}`)
	if log.app != "chat" || log.messages[0].Type != "POST webhooks" {
		t.Errorf("%s, noted %+v", log.app, log.messages)
	}
	if log, answer := ask(t, "GET", "api.telegram.org", "/bot1:a/getUpdates?offset=500", "", ""); len(log.messages) != 1 || !strings.Contains(answer, `"result":[]`) {
		t.Errorf("updates that were seen come again: %+v", log.messages)
	}
}

func TestRegistriesTakeWhatIsPublished(t *testing.T) {
	for name, c := range map[string]struct{ method, host, path, kind string }{
		"npm":    {"PUT", "registry.npmjs.org", "/builder-tools", "npm"},
		"PyPI":   {"POST", "upload.pypi.org", "/legacy/", "pypi"},
		"GitHub": {"PUT", "api.github.com", "/repos/builder/tools/contents/a.yml", "github"},
		"images": {"PUT", "ghcr.io", "/v2/builder/tools/manifests/latest", "image"},
	} {
		t.Run(name, func(t *testing.T) {
			log, _ := ask(t, c.method, c.host, c.path, "", "{}")
			if log.app != "publish" || log.messages[0].Fields["kind"] != c.kind || log.http[0].Status/100 != 2 {
				t.Errorf("%s, noted %+v and %+v", log.app, log.messages, log.http)
			}
		})
	}
	if log, _ := ask(t, "GET", "registry.npmjs.org", "/left-pad", "", ""); log.app != "http" || log.http[0].Status != 404 {
		t.Errorf("reading is %s with %d", log.app, log.http[0].Status)
	}
}

func TestPublicPlacesHoldAnAddress(t *testing.T) {
	for _, host := range []string{"pastebin.com", "t.me", "dogechain.info"} {
		if log, answer := ask(t, "GET", host, "/raw/a1b2c3", "", ""); log.app != "drop" || !strings.Contains(answer, "203.0.113.200") {
			t.Errorf("%s is %s: %q", host, log.app, answer)
		}
	}
}

func TestWhatIsPipedFromAPasteIsAScript(t *testing.T) {
	log, answer := ask(t, "GET", "pastebin.com", "/raw/a1b2c3", "User-Agent: curl/8.5.0\r\n", "")
	if log.app != "http" || log.http[0].Payload == "" || strings.Contains(answer, "203.0.113.200") {
		t.Errorf("%s, answered %q", log.app, answer)
	}
}

func FuzzSites(f *testing.F) {
	f.Add("POST", "api.telegram.org", "bot1/getUpdates?offset=-1", "application/json", `{"offset":[],"text":{}}`)
	f.Add("POST", "discord.com", "api/v10/channels/1/messages", "application/x-www-form-urlencoded", "content=%zz&content")
	f.Add("PUT", "registry.npmjs.org", "-/user/x", "", "")
	f.Add("POST", "upload.pypi.org", "legacy/", "multipart/form-data", "name")
	table := everything(f)
	f.Fuzz(func(t *testing.T, method, host, path, kind, body string) {
		words := fmt.Sprintf("%s /%s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", method, path, host, kind, len(body), body)
		if log, heard := talk(t, table, 80, strings.NewReader(words)); len(log.http) > 0 && !strings.HasPrefix(heard, "HTTP/1.1 ") {
			t.Fatalf("answered %q", heard)
		}
	})
}
