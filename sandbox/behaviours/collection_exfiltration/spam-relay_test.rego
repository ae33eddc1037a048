package sallyport.behaviours.collection_exfiltration["spam-relay_test"]

import data.sallyport.behaviours.collection_exfiltration["spam-relay"] as rule
import data.sallyport.fixture as f

said(type, args) := {"ms": 1, "out": true, "type": type, "fields": {"args": args}}

mail(n) := f.flow("30.0", "198.19.0.4", 25, {"app": "smtp", "domain": "mail.example", "messages": array.concat(
	[said("MAIL", "FROM:<a@b.example>"), said("DATA", "")],
	[said("RCPT", sprintf("TO:<user%d@c.example>", [i])) | some i in numbers.range(1, n)],
)})

test_many_people if {
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/app/bot"], {})], "flows": [mail(25)]})
	{one.severity | some one in found} == {"high"}
	f.pointed(found)
}

test_mail_server_is_low if {
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/usr/lib/postfix/sbin/smtp"], {})], "flows": [mail(25)]})
	{one.severity | some one in found} == {"low"}
}

test_not_a_report_to_few if {
	count(rule.finding) == 0 with input as f.observation({"processes": [f.process(30, ["/app/report"], {})], "flows": [mail(3)]})
	again := [object.union(mail(1), {"id": sprintf("f%d", [i])}) | some i in numbers.range(1, 30)]
	count(rule.finding) == 0 with input as f.observation({"processes": [f.process(30, ["/app/report"], {})], "flows": again})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["spam-relay.many"]
	f.pointed(found)
}

test_not_recorded if {
	every name in ["spam-relay.report", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
