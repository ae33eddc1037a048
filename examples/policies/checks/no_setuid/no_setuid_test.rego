package checks.no_setuid_test

import data.checks.no_setuid
import data.facts

found(paths) := facts.image({"setuid": {"known": true, "items": paths}})

test_none_passes if {
	count(no_setuid.deny) == 0 with input as found([])
	count(no_setuid.warn) == 0 with input as found([])
}

test_each_is_named if {
	denied := no_setuid.deny with input as found(["/bin/su", "/usr/bin/passwd"])
	{finding.path | some finding in denied} == {"/bin/su", "/usr/bin/passwd"}
}

test_allowed_passes if {
	count(no_setuid.deny) == 0 with input as found(["/usr/bin/sudo-of-our-own"])
}

test_unknown_is_said if {
	count(no_setuid.warn) == 1 with input as facts.image({"setuid": {"known": false, "items": []}})
}
