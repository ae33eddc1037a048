package sallyport.behaviours.collection_exfiltration["mining-protocol_test"]

import data.sallyport.behaviours.collection_exfiltration["mining-protocol"] as rule
import data.sallyport.fixture as f

run(out) := f.observation({
	"processes": [f.process(30, ["/usr/sbin/worker"], {})],
	"flows": [f.flow("30.0", "198.18.0.33", 3333, {"domain": "pool.example", "out": out})],
})

wallet := "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"

test_calls_of_miners if {
	every call in [
		`{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5.1"]}`,
		`{"id":2,"method":"mining.authorize","params":["w.1","x"]}`,
		`{"id":4,"jsonrpc":"2.0","method":"eth_submitLogin","params":["0x00"]}`,
		sprintf(`{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"%s","pass":"x"}}`, [wallet]),
		`{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"x","pass":"x","agent":"XMRig/6.21.0"}}`,
		`{"id":3,"method":"submit","params":{"id":"1","job_id":"7","nonce":"00ff","result":"ab"}}`,
	] {
		found := rule.finding with input as run(concat("", [call, `\x0a`]))
		f.malicious(found)
		f.pointed(found)
	}
}

test_as_the_responder_understood_it if {
	flow := f.flow("30.0", "198.18.0.33", 443, {"app": "stratum", "messages": [{"ms": 1, "out": true, "type": "mining.submit"}]})
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/usr/sbin/worker"], {})], "flows": [flow]})
	f.malicious(found)
}

test_not_other_json_rpc if {
	every text in [
		`{"jsonrpc":"2.0","id":1,"method":"login","params":{"login":"alice","pass":"secret"}}\x0a`,
		`{"jsonrpc":"2.0","id":1,"method":"login","params":{"user":"alice","password":"secret"}}\x0a`,
		`{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":["0x00"]}\x0a`,
		`{"id":3,"method":"submit","params":{"form":"7"}}\x0a`,
		`{"method":"subscribe","params":["mining.subscribe"]}\x0a`,
		`{"broken`,
	] {
		found := rule.finding with input as run(text)
		count(found) == 0
	}
}

# A document about mining is not mining.
test_not_a_document if {
	found := rule.finding with input as run(`POST /docs HTTP/1.1\x0d\x0a\x0d\x0aSend "method":"mining.subscribe" first.`)
	count(found) == 0
}

# A pool's server listens.
test_not_inbound if {
	flow := f.flow("30.0", "198.18.0.33", 3333, {"inbound": true, "out": `{"id":1,"method":"mining.subscribe","params":[]}\x0a`})
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/usr/bin/pool"], {})], "flows": [flow]})
	count(found) == 0
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["mining-protocol.monero", "mining-protocol.stratum"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["mining-protocol.chain-client", "mining-protocol.pool-server", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
