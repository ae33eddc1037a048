package responder_test

import (
	"encoding/binary"
	"maps"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// mongoWords is one message with a command: OP_MSG, or OP_QUERY as drivers begin.
func mongoWords(t testing.TB, query bool, command bson.D) string {
	t.Helper()
	doc, err := bson.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	kind, before := uint32(2013), "\x00\x00\x00\x00\x00"
	if query {
		kind, before = 2004, "\x00\x00\x00\x00admin.$cmd\x00\x00\x00\x00\x00\xff\xff\xff\xff"
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(16+len(before)+len(doc)))
	out = append(out, 7, 0, 0, 0, 0, 0, 0, 0)
	out = binary.LittleEndian.AppendUint32(out, kind)
	return string(out) + before + string(doc)
}

func TestMongoDBNotesCommandsAndLogins(t *testing.T) {
	words := mongoWords(t, true, bson.D{{Key: "isMaster", Value: 1}}) +
		mongoWords(t, false, bson.D{{Key: "saslStart", Value: 1}, {Key: "mechanism", Value: "PLAIN"}, {Key: "payload", Value: []byte("\x00admin\x00secret")}, {Key: "$db", Value: "$external"}}) +
		mongoWords(t, false, bson.D{{Key: "saslStart", Value: 1}, {Key: "mechanism", Value: "SCRAM-SHA-256"}, {Key: "payload", Value: []byte("n,,n=root,r=abc")}, {Key: "$db", Value: "admin"}}) +
		mongoWords(t, false, bson.D{{Key: "listDatabases", Value: 1}, {Key: "$db", Value: "admin"}}) +
		mongoWords(t, false, bson.D{{Key: "drop", Value: "users"}, {Key: "$db", Value: "app"}})
	log, heard := talk(t, everything(t), 27018, strings.NewReader(words))
	if log.app != "mongodb" || len(log.messages) != 4 {
		t.Fatalf("%s, noted %+v", log.app, log.messages)
	}
	for i, want := range []struct {
		kind   string
		fields map[string]string
	}{
		{"auth", map[string]string{"method": "PLAIN", "user": "admin", "password": "secret"}},
		{"auth", map[string]string{"method": "SCRAM-SHA-256", "user": "root"}},
		{"listDatabases", map[string]string{"db": "admin"}},
		{"drop", map[string]string{"db": "app", "of": "users"}},
	} {
		if m := log.messages[i]; m.Type != want.kind || !maps.Equal(m.Fields, want.fields) {
			t.Errorf("noted %+v, want %+v", m, want)
		}
	}
	for n := 0; len(heard) > 0; n++ { // every answer is a message with one document
		size := binary.LittleEndian.Uint32([]byte(heard))
		skip := 21
		if n == 0 {
			skip = 36
		}
		if err := bson.Raw(heard[skip:size]).Validate(); err != nil {
			t.Fatalf("answer %d: %v", n, err)
		}
		heard = heard[size:]
	}
}

func FuzzMongoDB(f *testing.F) {
	table := everything(f)
	hello := mongoWords(f, true, bson.D{{Key: "isMaster", Value: 1}})
	f.Add(mongoWords(f, false, bson.D{{Key: "find", Value: "x"}, {Key: "$db", Value: 7}}))
	f.Add(mongoWords(f, false, bson.D{}))
	f.Add("\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00\x00\x00\x00\x00\x00")
	f.Fuzz(func(t *testing.T, words string) {
		if log, heard := talk(t, table, 27017, strings.NewReader(hello+words)); log.app != "mongodb" || heard == "" {
			t.Fatalf("%s heard %q", log.app, heard)
		}
	})
}
