package florin.limit_test

import data.florin.limit

moving(amount) := {"effects": {"opaque": false, "grants": [], "moves": [{"to": "0xb0b", "amount": amount}]}}

granting(amount) := {"effects": {"opaque": false, "moves": [], "grants": [{"to": "0xb0b", "amount": amount}]}}

test_amounts_up_to_the_limit_are_allowed if {
	limit.allow with input as moving("1000000000000000000000000")
	count(limit.deny) == 0 with input as moving("1000000000000000000000000")
	limit.allow with input as moving("0")
}

test_amounts_above_the_limit_are_denied if {
	not limit.allow with input as moving("1000000000000000000000001")
	count(limit.deny) == 1 with input as moving("1000000000000000000000001")
}

test_invalid_amounts_are_denied if {
	every bad in ["", "-1", "1e9", "007", null] {
		not limit.allow with input as moving(bad)
		count(limit.deny) == 1 with input as moving(bad)
	}
}

test_grants_are_limited_too if {
	limit.allow with input as granting("5")
	not limit.allow with input as granting("1000000000000000000000001")
	not limit.allow with input as granting(null)
}

test_opaque_effects_are_denied if {
	not limit.allow with input as {"effects": {"opaque": true, "moves": [], "grants": []}}
	not limit.allow with input as {}
}
