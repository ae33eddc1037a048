package examples.production_test

import data.assurance.production as policy
import data.facts

in_prod := object.union(facts.nginx, {"context": {"kind": "admission", "namespace": "prod-shop"}})

test_scope_by_namespace if {
	policy.in_scope with input as in_prod
}

test_scope_by_registry_and_repository if {
	policy.in_scope with input as facts.image({"registries": ["registry.example.com"], "repositories": ["release/shop"]})
	not policy.in_scope with input as facts.image({"registries": ["registry.example.com"], "repositories": ["snapshot/shop"]})
	not policy.in_scope with input as facts.nginx
}

test_malicious_fails if {
	some finding in policy.deny with input as object.union(in_prod, {"dta": {"status": "done", "verdict": "malicious", "malicious": true}})
	finding.control == "dta"
}

test_without_a_verdict_it_waits if {
	some state in policy.pending with input as object.union(in_prod, {"dta": {"status": "none"}})
	state.control == "dta"
}

test_severe_with_a_fix_fails if {
	some finding in policy.deny with input as facts.vulnerable({"severity": "high", "fix_version": "1.2.4"})
	finding.control == "max_severity"
}

test_severe_without_a_fix_passes if {
	every finding in policy.deny {
		finding.control != "max_severity"
	} with input as facts.vulnerable({"severity": "critical"})
}

test_milder_passes if {
	every finding in policy.deny {
		finding.control != "max_severity"
	} with input as facts.vulnerable({"severity": "medium", "fix_version": "1.2.4"})
}
