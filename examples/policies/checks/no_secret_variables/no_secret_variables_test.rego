package checks.no_secret_variables_test

import data.checks.no_secret_variables
import data.facts

denied(names) := {finding.variable |
	some finding in no_secret_variables.deny with input as facts.image({"env": names})
}

test_secrets_are_named if {
	denied(["PATH", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "github_token"]) == {"DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "github_token"}
}

test_ordinary_variables_pass if {
	denied(["PATH", "NGINX_VERSION", "TOKENIZERS_PARALLELISM", "PASSWORDLESS"]) == set()
}

test_pointers_pass if {
	denied(["POSTGRES_PASSWORD_FILE", "TOKEN_URL"]) == set()
}
