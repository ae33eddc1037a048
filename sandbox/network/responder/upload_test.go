package responder_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func TestFilesOfAnUploadAreToldApart(t *testing.T) {
	table := everything(t)
	form := "--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n7\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n\x7fELF...\r\n--b--\r\n"
	for name, c := range map[string]struct {
		header, body string
		want         []string
	}{
		"a file as the body":  {"", "\x7fELF...", []string{sum("\x7fELF...")}},
		"a form with a file":  {"Content-Type: multipart/form-data; boundary=b\r\n", form, []string{sum("\x7fELF..."), sum(form)}},
		"a form that is none": {"Content-Type: multipart/form-data; boundary=b\r\n", "hello", []string{sum("hello")}},
		"nothing":             {"", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			words := fmt.Sprintf("POST /up HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s", c.header, len(c.body), c.body)
			log, heard := talk(t, table, 80, strings.NewReader(words))
			if len(log.http) != 1 || !slices.Equal(log.http[0].Sent, c.want) || log.http[0].Body != c.body {
				t.Errorf("noted %+v, answered %q", log.http, heard)
			}
		})
	}
}

func FuzzUpload(f *testing.F) {
	table := everything(f)
	f.Add("b", "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nabc\r\n--b--\r\n")
	f.Add("b", "--b\r\n\r\n--b\r\n\r\n--b")
	f.Add("", "--\r\n")
	f.Fuzz(func(t *testing.T, boundary, body string) {
		words := fmt.Sprintf("POST / HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s", boundary, len(body), body)
		log, _ := talk(t, table, 80, strings.NewReader(words))
		for _, h := range log.http {
			if len(h.Sent) > 33 {
				t.Fatalf("%d hashes", len(h.Sent))
			}
		}
	})
}
