package registries_test

import data.registries

test_ours if {
	count(registries.deny) == 0 with input as {"image": {"registry": "registry.test"}}
}

test_others if {
	registries.deny == {"docker.io is none of our registries"} with input as {"image": {"registry": "docker.io"}}
}
