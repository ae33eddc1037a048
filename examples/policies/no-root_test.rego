package examples.no_root_test

import data.assurance["no-root"] as policy
import data.facts

test_root_by_omission_fails if {
	some finding in policy.deny with input as facts.image({"user": "", "runs_as_root": true})
	finding.control == "root_user"
}

test_another_user_passes if {
	count(policy.deny) == 0 with input as facts.image({"user": "1000:1000", "runs_as_root": false})
}

test_the_node_agent_is_excused if {
	agent := facts.image({"names": ["platform/node-agent:2.1"], "runs_as_root": true})
	some excuse in policy.exempt with input as agent
	excuse.control == "root_user"
}

test_the_excuse_ends if {
	agent := object.union(facts.image({"names": ["platform/node-agent:2.1"]}), {"now": "2027-07-01T00:00:00Z"})
	count(policy.exempt) == 0 with input as agent
}
