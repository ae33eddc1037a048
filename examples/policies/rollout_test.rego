package examples.rollout_test

import data.assurance.rollout as policy
import data.facts

# The days of grace are not part of the rules: they decide what a failure does.
test_root_fails_from_the_first_day if {
	count(policy.deny) == 1 with input as facts.nginx
}
