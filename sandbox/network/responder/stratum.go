package responder

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Stratum is a mining pool: Stratum v1 as Bitcoin's descendants speak it
// (mining.subscribe, authorize, submit), the login dialect of Monero's miners,
// and the login of Ethereum's. Its jobs are easy, so that shares follow.
type Stratum struct {
	Now func() time.Time // of the guest: miners look at how old a job is
}

// App implements Responder.
func (*Stratum) App() string { return "stratum" }

// Claims implements Responder. A JSON object with one of the methods is it.
func (*Stratum) Claims(first []byte, _ uint16) Claim {
	trimmed := bytes.TrimLeft(first, " \t\r\n")
	if len(trimmed) == 0 {
		return More
	}
	if trimmed[0] != '{' {
		return No
	}
	line, _, whole := bytes.Cut(trimmed, []byte("\n"))
	var m stratumMessage
	err := json.Unmarshal(line, &m)
	switch {
	case err == nil && isMining(m.Method):
		return Yes
	case err == nil || whole || len(first) > 4096:
		return No
	}
	return More
}

func isMining(method string) bool {
	switch method {
	case "login", "submit", "getjob", "keepalived":
		return true
	}
	return strings.HasPrefix(method, "mining.") || strings.HasPrefix(method, "eth_submit") || method == "eth_getWork"
}

// stratumMessage is a request. The parameters are a list or an object, by dialect.
type stratumMessage struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// Serve implements Responder.
func (s *Stratum) Serve(_ context.Context, c *Conversation) error {
	var of session
	for {
		line, err := c.line()
		if err != nil {
			// A miner that ends its request without a line feed still made it.
			if rest, _ := c.Reader.Peek(c.Reader.Buffered()); len(rest) > 0 {
				s.request(c, rest, &of)
			}
			return err
		}
		if answer := s.request(c, []byte(line), &of); answer != "" {
			if err := c.say(answer); err != nil {
				return err
			}
		}
	}
}

// session is what a pool knows of one miner.
type session struct {
	ethereum bool // it speaks EthereumStratum/1.0.0
}

// request notes one request and returns the answer, "" for what is none.
func (s *Stratum) request(c *Conversation, line []byte, of *session) string {
	var m stratumMessage
	if json.Unmarshal(line, &m) != nil || m.Method == "" {
		return ""
	}
	c.Log.Message(true, clip(m.Method), m.fields())
	answer := s.answer(m, of)
	if method := pushed(m.Method); method != "" {
		c.Log.Message(false, method, nil)
	}
	return answer
}

// pushed names the job that goes out with the answer to a method.
func pushed(method string) string {
	switch method {
	case "mining.authorize":
		return "mining.notify"
	case "login", "getjob":
		return "job"
	}
	return ""
}

const (
	stratumDifficulty = `{"id":null,"method":"mining.set_difficulty","params":[0.0001]}` + "\n"
	moneroTarget      = "ffffff7f" // every second hash is a share
)

func (s *Stratum) answer(m stratumMessage, of *session) string {
	id := string(m.ID)
	if id == "" {
		id = "null"
	}
	result := func(r string) string {
		return fmt.Sprintf(`{"id":%s,"jsonrpc":"2.0","error":null,"result":%s}`+"\n", id, r)
	}
	switch m.Method {
	case "mining.hello": // EthereumStratum/2.0.0 (EIP-1571)
		return result(`{"proto":"EthereumStratum/2.0.0","encoding":"plain","resume":"0","timeout":"b4","maxerrors":"5","node":"pool/1.2"}`)
	case "mining.subscribe":
		if of.ethereum = bytes.Contains(m.Params, []byte("EthereumStratum/1.0.0")); of.ethereum {
			return result(`[["mining.notify","1","EthereumStratum/1.0.0"],"080c"]`)
		}
		return result(`[[["mining.set_difficulty","1"],["mining.notify","1"]],"08000002",4]`)
	case "mining.authorize":
		zeros := strings.Repeat("0", 64)
		if of.ethereum { // job, seed, header, whether to drop other jobs
			return result("true") + stratumDifficulty + fmt.Sprintf(
				`{"id":null,"method":"mining.notify","params":["1","%s","%s",true]}`+"\n", zeros, strings.Repeat("5a", 32))
		}
		return result("true") + stratumDifficulty + fmt.Sprintf(
			`{"id":null,"method":"mining.notify","params":["1","%s","01000000","ffffffff",[],"20000000","1d00ffff","%08x",true]}`+"\n",
			zeros, s.Now().Unix())
	case "login":
		return result(`{"id":"1","job":` + moneroJob() + `,"extensions":["algo","keepalive"],"status":"OK"}`)
	case "getjob":
		return result(moneroJob())
	case "submit", "keepalived":
		return result(`{"status":"OK"}`)
	case "getwork":
		return result(`{"data":"` + strings.Repeat("00", 128) + `","target":"` + strings.Repeat("ff", 32) + `"}`)
	case "getblocktemplate":
		return result(fmt.Sprintf(`{"version":536870912,"previousblockhash":"%064x","transactions":[],"coinbasevalue":312500000,"target":"%s","bits":"1d00ffff","height":840000,"curtime":%d}`,
			0, strings.Repeat("ff", 32), s.Now().Unix()))
	case "get_block_template":
		return result(fmt.Sprintf(`{"blocktemplate_blob":"%s","blockhashing_blob":"%s","difficulty":2,"height":3300000,"seed_hash":"%s","status":"OK"}`,
			strings.Repeat("5a", 76), strings.Repeat("5a", 76), strings.Repeat("5a", 32)))
	case "eth_getWork":
		return result(fmt.Sprintf(`["0x%064x","0x%064x","0x%064x"]`, 1, 2, 3))
	case "mining.configure":
		return result("{}")
	}
	return result("true")
}

// moneroJob is a block template of the length that miners check.
func moneroJob() string {
	blob := "1010" + strings.Repeat("5a", 37) + "00000000" + strings.Repeat("5a", 33)
	return fmt.Sprintf(`{"blob":"%s","job_id":"1","target":"%s","height":3300000,"algo":"rx/0","seed_hash":"%s"}`,
		blob, moneroTarget, strings.Repeat("5a", 32))
}

func (m stratumMessage) fields() map[string]string {
	fields := map[string]string{"params": clip(string(m.Params))}
	var byName struct {
		Login string `json:"login"`
		Agent string `json:"agent"`
		Job   string `json:"job_id"`
	}
	var inOrder []any
	switch {
	case json.Unmarshal(m.Params, &byName) == nil:
		put(fields, "login", byName.Login)
		put(fields, "agent", byName.Agent)
		put(fields, "job", byName.Job)
	case json.Unmarshal(m.Params, &inOrder) == nil && len(inOrder) > 0:
		first, _ := inOrder[0].(string)
		switch m.Method {
		case "mining.subscribe":
			put(fields, "agent", first)
		case "mining.authorize", "mining.submit", "eth_submitLogin":
			put(fields, "login", first)
		}
	}
	return fields
}

func put(fields map[string]string, name, value string) {
	if value != "" {
		fields[name] = clip(value)
	}
}
