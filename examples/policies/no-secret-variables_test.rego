package examples.no_secret_variables_test

import data.assurance["no-secret-variables"] as policy
import data.facts

secret(path) := object.union(facts.nginx, {
	"secrets": {"known": true, "items": [{"path": path, "type": "private key"}]},
	"summary": {"secrets": 1},
})

test_a_key_fails if {
	count(policy.deny) == 1 with input as secret("/app/id_ed25519")
}

test_documentation_passes if {
	count(policy.deny) == 0 with input as secret("/usr/share/doc/openssl/examples/key.pem")
}
