package florin.limit_test

import data.florin.limit

moving(amount) := {"effects": {"complete": true, "powers": [], "grants": [], "moves": [{"to": "0xb0b", "amount": amount}]}}

granting(amount) := {"effects": {"complete": true, "powers": [], "moves": [], "grants": [{"to": "0xb0b", "amount": amount}]}}

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

test_incomplete_effects_are_denied if {
	not limit.allow with input as {"effects": {"complete": false, "powers": [], "moves": [], "grants": []}}
	not limit.allow with input as {}
}

powered(kind) := {"effects": {
	"complete": true, "moves": [], "grants": [],
	"powers": [{"kind": kind, "contract": "0x70c"}],
}}

test_only_the_end_of_a_right_is_allowed_among_powers if {
	limit.allow with input as powered("grant_revocation")
	count(limit.deny) == 0 with input as powered("grant_revocation")
	every kind in ["ownership", "role_grant", "upgrade", "pause", "delegation"] {
		not limit.allow with input as powered(kind)
		count(limit.deny) == 1 with input as powered(kind)
	}
}
