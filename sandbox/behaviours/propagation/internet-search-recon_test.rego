package sallyport.behaviours.propagation["internet-search-recon_test"]

import data.sallyport.behaviours.propagation["internet-search-recon"] as rule
import data.sallyport.fixture as f

run(name, p) := f.observation({"processes": [p], "dns": [f.question("30.0", name, {})]})

test_search if {
	every name in ["api.shodan.io", "search.censys.io", "www.zoomeye.org"] {
		found := rule.finding with input as run(name, f.process(30, ["/app/bot"], {}))
		f.pointed(found)
		{one.severity | some one in found} == {"medium"}
	}
}

test_its_own_client_is_context if {
	found := rule.finding with input as run("api.shodan.io", f.process(30, ["/usr/bin/python3", "/usr/bin/shodan"], {"script": "/usr/bin/shodan"}))
	{one.severity | some one in found} == {"info"}
}

test_not_other_names if {
	every name in ["shodan.io.example", "notshodan.io", "www.example.com"] {
		count(rule.finding) == 0 with input as run(name, f.process(30, ["/app/bot"], {}))
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["internet-search-recon.shodan"]
	f.pointed(found)
}

test_not_recorded if {
	every name in ["internet-search-recon.other-search", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
