package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// curl knows the options of curl(1) that the scenarios' scripts use.
func curl(args []string) error {
	method, body, kind, url, file, c := "", "", "", "", "", web
	header := []string{"User-Agent", "curl/8.5.0", "Accept", "*/*"}
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	for i := 0; i < len(args); i++ {
		next := func() string {
			i++
			return arg(args, i, "")
		}
		switch a := args[i]; a {
		case "-X", "--request":
			method = next()
		case "-H", "--header":
			name, value, _ := strings.Cut(next(), ":")
			header = append(header, name, strings.TrimSpace(value))
		case "-d", "--data", "--data-binary":
			body = next()
			kind = "application/x-www-form-urlencoded"
			if name, ok := strings.CutPrefix(body, "@"); ok {
				b, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				body = string(b)
			}
		case "-F", "--form":
			field, value, _ := strings.Cut(next(), "=")
			if err := addPart(parts, field, value); err != nil {
				return err
			}
		case "-T", "--upload-file":
			b, err := os.ReadFile(next())
			if err != nil {
				return err
			}
			method, body = http.MethodPut, string(b)
		case "--unix-socket":
			socket := next()
			c = &http.Client{Timeout: limit, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, "unix", socket)
			}}}
		case "-o", "--output":
			file = next()
		case "-m", "--max-time", "--connect-timeout":
			next()
		default:
			if !strings.HasPrefix(a, "-") {
				url = a
			}
		}
	}
	if form.Len() > 0 {
		if err := parts.Close(); err != nil {
			return err
		}
		body, kind = form.String(), parts.FormDataContentType()
	}
	if method == "" {
		method = http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
	}
	if kind != "" {
		header = append([]string{"Content-Type", kind}, header...)
	}
	if !strings.Contains(url, "://") {
		url = "http://" + url
	}
	answer, err := ask(c, method, url, body, header...)
	if err != nil {
		return err
	}
	if file != "" {
		return os.WriteFile(file, []byte(answer), 0o644)
	}
	_, err = io.WriteString(os.Stdout, answer)
	return err
}

func addPart(parts *multipart.Writer, field, value string) error {
	name, ok := strings.CutPrefix(value, "@")
	if !ok {
		return parts.WriteField(field, value)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	part, err := parts.CreateFormFile(field, filepath.Base(name))
	if err == nil {
		_, err = part.Write(b)
	}
	return err
}

// sshClient offers the user's key to a host: ssh [options] [user@]host [command].
func sshClient(args []string) error {
	user, host, key := "root", "", ""
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "-i":
			i++
			key = arg(args, i, "")
		case a == "-o" || a == "-p":
			i++
		case !strings.HasPrefix(a, "-") && host == "":
			host = a
		}
	}
	if u, h, ok := strings.Cut(host, "@"); ok {
		user, host = u, h
	}
	if key == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return err
		}
		key = filepath.Join(home, ".ssh", "id_ed25519")
	}
	b, err := os.ReadFile(key)
	if err != nil {
		return err
	}
	signer, err := ssh.ParsePrivateKey(b)
	if err != nil {
		return err
	}
	return login(host+":22", user, ssh.PublicKeys(signer))
}

func login(address, user string, how ...ssh.AuthMethod) error {
	conn, err := dial(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	c, _, _, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{User: user, Auth: how, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: limit})
	if err != nil {
		return err
	}
	defer c.Close()
	return errors.New("let in")
}

// kubectl knows get and apply: kubectl -s URL --token TOKEN get secrets -A, and
// apply -f FILE.
func kubectl(args []string) error {
	server, token, file := "https://kubernetes.default.svc:443", "", ""
	var words []string
	for i := 0; i < len(args); i++ {
		next := func() string {
			i++
			return arg(args, i, "")
		}
		switch a := args[i]; a {
		case "-s", "--server":
			server = next()
		case "--token":
			token = next()
		case "-f":
			file = next()
		case "-A", "--all-namespaces", "--insecure-skip-tls-verify":
		default:
			words = append(words, a)
		}
	}
	bearer := []string{"Authorization", "Bearer " + token, "User-Agent", "kubectl/v1.30.1 (linux/amd64)", "Content-Type", "application/json"}
	switch arg(words, 0, "") {
	case "get":
		fmt.Println(try(insecure, http.MethodGet, server+"/api/v1/"+arg(words, 1, "pods"), "", bearer...))
		return nil
	case "apply":
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Println(try(insecure, http.MethodPost, server+"/apis/apps/v1/namespaces/kube-system/daemonsets", string(b), bearer...))
		return nil
	}
	return fmt.Errorf("kubectl %s: not played", strings.Join(words, " "))
}
