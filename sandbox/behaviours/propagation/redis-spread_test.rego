package sallyport.behaviours.propagation["redis-spread_test"]

import data.sallyport.behaviours.propagation["redis-spread"] as rule
import data.sallyport.fixture as f

said(type, args) := {"ms": 1, "out": true, "type": type, "fields": {"args": args}}

run(messages, parts) := f.observation({
	"processes": [f.process(30, ["/usr/bin/worm"], parts)],
	"flows": [f.flow("30.0", "10.9.0.1", 6379, {"app": "redis", "messages": messages})],
})

test_abuse if {
	every m in [
		said("CONFIG", "set dir /var/spool/cron/crontabs"),
		said("CONFIG", "SET dir /root/.ssh/"),
		said("CONFIG", "set dbfilename authorized_keys"),
		said("CONFIG", "SET dbfilename exp.so"),
		said("MODULE", "LOAD /tmp/exp.so"),
		said("MODULE", "load ./red2.so"),
		said("EVAL", `local f = package.loadlib("liblua5.1.so.0", "luaopen_io") 0`),
	] {
		found := rule.finding with input as run([said("PING", ""), m], {})
		f.malicious(found)
		f.pointed(found)
	}
}

test_master_that_brings_a_file if {
	found := rule.finding with input as run([said("SLAVEOF", "203.0.113.7 21000"), said("CONFIG", "set dbfilename x.db")], {})
	f.malicious(found)
}

test_master_alone_is_no_proof if {
	found := rule.finding with input as run([said("REPLICAOF", "203.0.113.7 6379")], {})
	count(found) == 1
	not f.malicious(found)
}

test_not_clients if {
	every messages in [
		[said("PING", ""), said("SET", "dir /etc"), said("GET", "a")],
		[said("CONFIG", "get dir")],
		[said("CONFIG", "SET maxmemory 1gb"), said("CONFIG", "set save 60")],
		[said("CONFIG", "set dir /data"), said("CONFIG", "set dbfilename dump.rdb")],
		[said("MODULE", "list")],
		[said("MODULE", "LOAD /usr/lib/redis/modules/redisearch.so")],
		[said("SLAVEOF", "no one")],
		[said("EVAL", "return redis.call('get', KEYS[1]) 1 a")],
	] {
		count(rule.finding) == 0 with input as run(messages, {})
	}
}

test_not_a_sentinel if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/usr/bin/redis-sentinel"], {})],
		"flows": [f.flow("30.0", "10.9.0.1", 6379, {"app": "redis", "messages": [said("SLAVEOF", "10.9.0.2 6379")]})],
	})
	count(found) == 0
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["redis-spread.cron"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["redis-spread.cache", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
