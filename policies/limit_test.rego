package florin.limit_test

import data.florin.limit

moving(amount) := {"effects": {"opaque": false, "grants": [], "moves": [{"to": "0xb0b", "amount": amount}]}}

granting(amount) := {"effects": {"opaque": false, "moves": [], "grants": [{"to": "0xb0b", "amount": amount}]}}

test_up_to_the_limit if {
	limit.allow with input as moving("1000000000000000000000000")
	count(limit.deny) == 0 with input as moving("1000000000000000000000000")
	limit.allow with input as moving("0")
}

test_one_above_the_limit if {
	not limit.allow with input as moving("1000000000000000000000001")
	count(limit.deny) == 1 with input as moving("1000000000000000000000001")
}

test_what_is_no_amount_is_denied if {
	every bad in ["", "-1", "1e9", "007", null] {
		not limit.allow with input as moving(bad)
		count(limit.deny) == 1 with input as moving(bad)
	}
}

test_a_right_is_no_way_round if {
	limit.allow with input as granting("5")
	not limit.allow with input as granting("1000000000000000000000001")
	not limit.allow with input as granting(null)
}

test_what_is_not_understood_is_denied if {
	not limit.allow with input as {"effects": {"opaque": true, "moves": [], "grants": []}}
	not limit.allow with input as {}
}
