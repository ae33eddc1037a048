package responder

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// MongoDB is an open server with one database, which finds every login wrong.
// MongoDB Wire Protocol, OP_MSG and the OP_QUERY that begins a conversation.
type MongoDB struct{}

// App implements Responder.
func (*MongoDB) App() string { return "mongodb" }

const (
	mongoHeader  = 16
	mongoReply   = 1
	mongoQuery   = 2004
	mongoMessage = 2013
	mongoLargest = 1 << 20 // bytes of a message that are read
)

// Claims implements Responder: a length, two numbers, and the kind of message.
func (*MongoDB) Claims(first []byte, port uint16) Claim {
	if len(first) < 4 {
		if port >= 27017 && port <= 27019 {
			return More
		}
		return No
	}
	if n := binary.LittleEndian.Uint32(first); n <= mongoHeader || n > mongoLargest {
		return No
	}
	if len(first) < mongoHeader {
		return More
	}
	if kind := binary.LittleEndian.Uint32(first[12:]); kind == mongoQuery || kind == mongoMessage {
		return Yes
	}
	return No
}

var errMongo = errors.New("not the MongoDB protocol")

// Serve implements Responder.
func (s *MongoDB) Serve(_ context.Context, c *Conversation) error {
	for {
		c.rest()
		var head [mongoHeader]byte
		if _, err := io.ReadFull(c.Reader, head[:]); err != nil {
			return err
		}
		n, kind := binary.LittleEndian.Uint32(head[:]), binary.LittleEndian.Uint32(head[12:])
		if n <= mongoHeader || n > mongoLargest || kind != mongoQuery && kind != mongoMessage {
			return fmt.Errorf("%w: kind %d with %d bytes", errMongo, kind, n)
		}
		body := make([]byte, n-mongoHeader)
		if _, err := io.ReadFull(c.Reader, body); err != nil {
			return err
		}
		command, err := mongoCommand(kind, body)
		if err != nil {
			return err
		}
		answer, err := bson.Marshal(s.answer(c, command))
		if err != nil {
			return err
		}
		if err := c.say(mongoAnswer(kind, head[4:8], answer)); err != nil {
			return err
		}
	}
}

// mongoCommand is the document of a message.
func mongoCommand(kind uint32, body []byte) (bson.Raw, error) {
	if len(body) < 5 {
		return nil, fmt.Errorf("%w: a message of %d bytes", errMongo, len(body))
	}
	rest := body[4:] // flags
	if kind == mongoQuery {
		_, after, ok := bytes.Cut(rest, []byte{0}) // the collection
		if !ok || len(after) < 8 {
			return nil, fmt.Errorf("%w: a query without document", errMongo)
		}
		rest = after[8:] // to skip, to return
	} else if rest[0] != 0 {
		return nil, fmt.Errorf("%w: section of kind %d first", errMongo, rest[0])
	} else {
		rest = rest[1:]
	}
	doc := bson.Raw(rest)
	if len(rest) >= 4 {
		if n := binary.LittleEndian.Uint32(rest); uint64(n) <= uint64(len(rest)) {
			doc = bson.Raw(rest[:n])
		}
	}
	if err := doc.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", errMongo, err)
	}
	return doc, nil
}

// answer notes a command and does as if it were done.
func (*MongoDB) answer(c *Conversation, command bson.Raw) bson.D {
	elements, err := command.Elements()
	if err != nil || len(elements) == 0 {
		return bson.D{{Key: "ok", Value: 0}, {Key: "errmsg", Value: "no such command"}, {Key: "code", Value: 59}}
	}
	name := elements[0].Key()
	fields := map[string]string{}
	if db, ok := command.Lookup("$db").StringValueOK(); ok {
		put(fields, "db", db)
	}
	if of, ok := elements[0].Value().StringValueOK(); ok {
		put(fields, "of", of)
	}
	switch strings.ToLower(name) {
	case "saslstart":
		c.Log.Message(true, "auth", mongoLogin(command))
		return bson.D{{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: "Authentication failed."}, {Key: "code", Value: int32(18)}, {Key: "codeName", Value: "AuthenticationFailed"}}
	case "ismaster", "hello":
		return bson.D{
			{Key: "ismaster", Value: true}, {Key: "isWritablePrimary", Value: true}, {Key: "helloOk", Value: true},
			{Key: "maxBsonObjectSize", Value: int32(16 << 20)}, {Key: "maxMessageSizeBytes", Value: int32(48_000_000)}, {Key: "maxWriteBatchSize", Value: int32(100_000)},
			{Key: "minWireVersion", Value: int32(0)}, {Key: "maxWireVersion", Value: int32(17)}, {Key: "readOnly", Value: false},
			{Key: "saslSupportedMechs", Value: bson.A{"SCRAM-SHA-256", "PLAIN"}}, {Key: "ok", Value: 1.0},
		}
	}
	c.Log.Message(true, clip(name), fields)
	switch name {
	case "listDatabases":
		return bson.D{{Key: "databases", Value: bson.A{bson.D{{Key: "name", Value: "app"}, {Key: "sizeOnDisk", Value: int64(81920)}, {Key: "empty", Value: false}}}}, {Key: "ok", Value: 1.0}}
	case "buildInfo", "buildinfo":
		return bson.D{{Key: "version", Value: "6.0.14"}, {Key: "ok", Value: 1.0}}
	case "listCollections", "find", "aggregate":
		return bson.D{{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "app.users"}, {Key: "firstBatch", Value: bson.A{}}}}, {Key: "ok", Value: 1.0}}
	}
	return bson.D{{Key: "ok", Value: 1.0}}
}

// mongoLogin reads who wants to come in: SCRAM says the name alone (RFC 5802),
// PLAIN the password as well (RFC 4616).
func mongoLogin(command bson.Raw) map[string]string {
	mechanism, _ := command.Lookup("mechanism").StringValueOK()
	fields := map[string]string{"method": clip(mechanism), "user": ""}
	_, payload, _ := command.Lookup("payload").BinaryOK()
	if mechanism == "PLAIN" {
		if parts := strings.SplitN(string(payload), "\x00", 3); len(parts) == 3 {
			fields["user"] = clip(parts[1])
			put(fields, "password", parts[2])
		}
		return fields
	}
	for attribute := range strings.SplitSeq(string(payload), ",") {
		if name, ok := strings.CutPrefix(attribute, "n="); ok {
			fields["user"] = clip(name)
			break
		}
	}
	return fields
}

// mongoAnswer wraps a document as the answer to a message of this kind.
func mongoAnswer(kind uint32, to, doc []byte) string {
	before, as := []byte("\x00\x00\x00\x00\x00"), uint32(mongoMessage) // flags, section of kind 0
	if kind == mongoQuery {
		as = mongoReply // flags, cursor, first document, number of documents
		before = []byte("\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00")
	}
	out := binary.LittleEndian.AppendUint32(nil, uint32(mongoHeader+len(before)+len(doc)))
	out = append(out, 1, 0, 0, 0)
	out = append(out, to...)
	out = binary.LittleEndian.AppendUint32(out, as)
	return string(append(append(out, before...), doc...))
}
