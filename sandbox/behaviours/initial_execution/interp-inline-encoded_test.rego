package sallyport.behaviours.initial_execution["interp-inline-encoded_test"]

import data.sallyport.behaviours.initial_execution["interp-inline-encoded"] as rule
import data.sallyport.fixture as f

blob := concat("", ["aW1wb3J0IG9z" | some _ in numbers.range(1, 30)])

runs(argv, more) := f.observation(object.union({"processes": [f.process(30, argv, {})]}, more))

calls := {"events": {"connect": [f.event(31, "30.0", {"remote": f.endpoint("203.0.113.9", 443)})]}}

encoded := [
	["/usr/bin/python3", "-c", sprintf("import base64;exec(base64.b64decode('%s'))", [blob])],
	["/usr/bin/perl", "-MMIME::Base64", "-e", sprintf("eval(decode_base64('%s'))", [blob])],
	["/usr/bin/php", "-r", sprintf("eval(gzinflate(base64_decode('%s')));", [blob])],
	["/usr/bin/node", "-e", sprintf("eval(Buffer.from('%s','base64').toString())", [blob])],
	["/usr/bin/ruby", "-e", sprintf("eval('%s'.unpack('m')[0])", [blob])],
]

test_encoded_code_is_high if {
	every argv in encoded {
		found := rule.finding with input as runs(argv, {})
		count(found) == 1
		f.pointed(found)
		not f.malicious(found)
	}
}

test_encoded_code_that_calls_somebody if {
	f.malicious(rule.finding) with input as runs(encoded[0], calls)
}

test_not_decoding_alone_or_plain_code if {
	every code in [
		sprintf("import base64,sys;sys.stdout.write(base64.b64decode('%s').decode())", [blob]),
		sprintf("import os;print(sum(map(len,os.listdir('/proc'))))#%s", [concat("", [" metrics" | some _ in numbers.range(1, 40)])]),
		"exec(__import__('base64').b64decode('cHJpbnQoMSk='))",
	] {
		count(rule.finding) == 0 with input as runs(["/usr/bin/python3", "-c", code], calls)
	}
}

test_not_a_script_or_another_program if {
	count(rule.finding) == 0 with input as runs(["/usr/bin/python3", "/app/main.py", encoded[0][2]], calls)
	count(rule.finding) == 0 with input as runs(["/app/server", "-c", encoded[0][2]], calls)
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["interp-inline-encoded.python"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["interp-inline-encoded.decodes-settings", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
