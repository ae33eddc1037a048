# METADATA
# title: Conversation with a mining pool
# description: >-
#   A program spoke the protocol by which miners get work from a pool and hand
#   in results. It uses the machine up for somebody else's coins.
# custom:
#   severity: critical
#   group: impact
#   attack_version: "18"
#   attack:
#     - {id: T1496.001, name: Compute Hijacking, tactic: Impact}
#   remediation: >-
#     Do not run this image. If mining is its declared purpose, allow it
#     explicitly, by digest and with an expiry.
package sallyport.behaviours.collection_exfiltration["mining-protocol"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s speaks to a mining pool at %s (%s)", [lib.program(flow.process), lib.address(flow.dst_ip, flow.dst_port), concat(", ", sort(calls))]),
	"malicious": true,
	"confidence": 98,
	"lineage": lib.lineage(flow.process),
	"evidence": [lib.flow_evidence(flow, flow.out, sprintf("sends %s", [concat(", ", sort(calls))]))],
} if {
	some flow in lib.outgoing
	calls := mining(flow)
	count(calls) > 0
}

# mining is the calls on a flow that only a miner makes.
mining(flow) := {m.type |
	some m in flow.messages
	flow.app == "stratum"
	m.out
	understood(m)
} | {call.method |
	some line in lib.lines(flow.out)
	startswith(line, "{")
	json.is_valid(line)
	call := json.unmarshal(line)
	only_miners(call)
}

# understood: the responder read the message, also when it came late in the conversation.
understood(m) if m.type in unmistakable

understood(m) if {
	m.type == "login"
	regex.match(wallet, m.fields.login)
}

understood(m) if {
	m.type == "login"
	m.fields.login
	m.fields.agent
}

understood(m) if {
	m.type == "submit"
	m.fields.job
}

unmistakable := {
	"mining.subscribe", "mining.authorize", "mining.submit", "mining.extranonce.subscribe",
	"eth_submitLogin", "eth_submitWork", "eth_submitHashrate",
}

only_miners(call) if call.method in unmistakable

# The protocol of CryptoNote coins calls its methods as anybody might, but
# their parameters are a wallet and a miner, or a job and its result.
only_miners(call) if {
	call.method == "login"
	is_string(call.params.login)
	is_string(call.params.pass)
	wallet_or_miner(call.params)
}

only_miners(call) if {
	call.method == "submit"
	call.params.job_id
	call.params.nonce
	call.params.result
}

wallet := `^[0-9A-Za-z]{64,}([.+/@].*)?$`

wallet_or_miner(params) if regex.match(wallet, params.login)

wallet_or_miner(params) if {
	some key in ["agent", "algo", "rigid"]
	params[key]
}
