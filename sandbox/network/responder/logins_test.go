package responder_test

import (
	"bufio"
	"encoding/binary"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
)

// pgWords is what psql says: no TLS after all, who it is, and the password.
func pgWords(user, password string) string {
	frame := func(head, body string) string {
		return head + string(binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))) + body
	}
	return "\x00\x00\x00\x08\x04\xd2\x16\x2f" + frame("", "\x00\x03\x00\x00user\x00"+user+"\x00database\x00app\x00\x00") + frame("p", password+"\x00")
}

// mysqlWords is a HandshakeResponse41 with an answer of 20 bytes.
func mysqlWords(user string) string {
	body := "\x8d\xa2\x0b\x00\x00\x00\x00\x01\x2d" + strings.Repeat("\x00", 23) + user + "\x00\x14" + strings.Repeat("x", 20) + "app\x00mysql_native_password\x00"
	return string([]byte{byte(len(body)), byte(len(body) >> 8), 0, 1}) + body
}

// tdsWords is a PRELOGIN and a LOGIN7 as FreeTDS sends them.
func tdsWords(user, password string) string {
	wide := func(s string) (b []byte) {
		for _, u := range utf16.Encode([]rune(s)) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
		return b
	}
	hidden := wide(password)
	for i, c := range hidden {
		hidden[i] = (c<<4 | c>>4) ^ 0xa5
	}
	const fixed = 94
	login := make([]byte, fixed)
	place := func(field int, start, n int) {
		binary.LittleEndian.PutUint16(login[36+4*field:], uint16(start))
		binary.LittleEndian.PutUint16(login[38+4*field:], uint16(n))
	}
	place(1, fixed, len(user))
	place(2, fixed+2*len(user), len(password))
	login = append(append(login, wide(user)...), hidden...)
	packet := func(kind byte, body []byte) string {
		return string([]byte{kind, 1, byte((len(body) + 8) >> 8), byte(len(body) + 8), 0, 0, 1, 0}) + string(body)
	}
	return packet(0x12, []byte("\x00\x00\x06\x00\x06\xff\x09\x00\x00\x00\x00\x00")) + packet(0x10, login)
}

func TestLoginsAreNoted(t *testing.T) {
	table := everything(t)
	for name, c := range map[string]struct {
		port   uint16
		words  string
		app    string
		fields map[string]string
		heard  string
	}{
		"files": {21, "USER admin\r\nPASS letmein\r\nQUIT\r\n", "ftp",
			map[string]string{"method": "password", "user": "admin", "password": "letmein"}, "530 Login incorrect."},
		"terminal": {23, "\xff\xfd\x03root\r\n\xff\xfb\x18vizxv\r\n", "telnet",
			map[string]string{"method": "password", "user": "root", "password": "vizxv"}, "Login incorrect"},
		"PostgreSQL": {5432, pgWords("postgres", "secret"), "postgresql",
			map[string]string{"method": "password", "user": "postgres", "password": "secret", "database": "app"}, "password authentication failed"},
		"SQL Server": {1433, tdsWords("sa", "P@ss"), "mssql",
			map[string]string{"method": "password", "user": "sa", "password": "P@ss"}, "L\x00o\x00g\x00i\x00n\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			log, heard := talk(t, table, c.port, strings.NewReader(c.words))
			if log.app != c.app || len(log.messages) != 1 || log.messages[0].Type != "auth" || !maps.Equal(log.messages[0].Fields, c.fields) {
				t.Errorf("%s, noted %+v", log.app, log.messages)
			}
			if !strings.Contains(heard, c.heard) {
				t.Errorf("heard %q", heard)
			}
		})
	}
}

func TestAnonymousVisitorsOfFilesComeIn(t *testing.T) {
	if _, heard := talk(t, everything(t), 21, strings.NewReader("USER anonymous\r\nPASS x@y\r\n")); !strings.Contains(heard, "230 ") {
		t.Errorf("heard %q", heard)
	}
}

// greeted lets a server talk that never waits for the client.
func greeted(t testing.TB, r responder.Responder, words string) (*notes, string) {
	t.Helper()
	guest, log := &monologue{Reader: strings.NewReader(words)}, &notes{}
	_ = r.Serve(t.Context(), &responder.Conversation{Conn: guest, Reader: bufio.NewReader(guest), To: netip.MustParseAddrPort("198.51.100.1:3306"), Log: log})
	return log, guest.heard.String()
}

func TestMySQLNotesTheAnswerToItsChallenge(t *testing.T) {
	log, heard := greeted(t, &responder.MySQL{}, mysqlWords("root"))
	want := map[string]string{"method": "challenge", "user": "root", "answer": strings.Repeat("78", 20), "database": "app"}
	if len(log.messages) != 1 || !maps.Equal(log.messages[0].Fields, want) {
		t.Errorf("noted %+v", log.messages)
	}
	if !strings.Contains(heard, "8.0.36\x00") || !strings.Contains(heard, "Access denied for user 'root'") {
		t.Errorf("heard %q", heard)
	}
}

func FuzzFTP(f *testing.F) {
	table := everything(f)
	f.Add("PASS x\r\nPASV\r\nRETR a\r\nAUTH TLS\r\nQUIT\r\n")
	f.Fuzz(func(t *testing.T, lines string) {
		log, heard := talk(t, table, 21, strings.NewReader("USER a\r\n"+lines))
		if log.app != "ftp" || !strings.HasPrefix(heard, "220 ") {
			t.Fatalf("%s heard %q", log.app, heard)
		}
	})
}

func FuzzTelnet(f *testing.F) {
	table := everything(f)
	f.Add("root\r\n\xff\xfb\x01pass\x00\r\n\xff\xff\r\n\xff")
	f.Fuzz(func(t *testing.T, typed string) {
		if log, _ := talk(t, table, 23, strings.NewReader("\xff\xfd\x01"+typed)); log.app != "telnet" {
			t.Fatalf("is %s", log.app)
		}
	})
}

func FuzzPostgres(f *testing.F) {
	table := everything(f)
	f.Add(pgWords("a", "b")[8:])
	f.Add("\x00\x00\x00\x09\x00\x03\x00\x00\x00p\x00\x00\x00\x04")
	f.Add("\x00\x00\x00\x08\x04\xd2\x16\x30\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, words string) {
		log, heard := talk(t, table, 5432, strings.NewReader("\x00\x00\x00\x08\x04\xd2\x16\x2f"+words))
		if log.app != "postgresql" || !strings.HasPrefix(heard, "N") {
			t.Fatalf("%s heard %q", log.app, heard)
		}
	})
}

func FuzzMSSQL(f *testing.F) {
	table := everything(f)
	f.Add(tdsWords("a", "b")[8:])
	f.Add("\x10\x01\x00\x38\x00\x00\x01\x00" + strings.Repeat("\xff", 48))
	f.Fuzz(func(t *testing.T, words string) {
		if log, _ := talk(t, table, 1433, strings.NewReader("\x12\x01\x00\x14\x00\x00\x01\x00"+words)); log.app != "mssql" {
			t.Fatalf("is %s", log.app)
		}
	})
}

func FuzzMySQL(f *testing.F) {
	f.Add(mysqlWords("root"))
	f.Add("\x21\x00\x00\x01" + strings.Repeat("\x00", 33))
	f.Add("\x24\x00\x00\x01" + strings.Repeat("\xff", 32) + "a\x00\xff\x00")
	f.Fuzz(func(t *testing.T, words string) {
		if _, heard := greeted(t, &responder.MySQL{}, words); !strings.Contains(heard, "8.0.36") {
			t.Fatalf("heard %q", heard)
		}
	})
}
