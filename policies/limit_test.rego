package florin.limit_test

import data.florin.limit

base := data.limit_attacks.base

token := base.effects.moves[0].asset

effects(changes) := object.union(base, {"effects": changes})

moving(amounts) := effects({"moves": [{"asset": token, "from": "0xa", "to": "0xb", "amount": amount} | some amount in amounts]})

granting(amount) := effects({"moves": [], "grants": [{"asset": token, "owner": base.signer, "to": "0xb", "amount": amount}]})

test_the_limit_itself_is_allowed if {
	limit.allow with input as moving(["1000000000000000000000000"])
	count(limit.deny) == 0 with input as moving(["1000000000000000000000000"])
	limit.allow with input as granting("1000000000000000000000000")
}

test_one_base_unit_more_is_denied_with_the_sum if {
	above := moving(["600000000000000000000000", "400000000000000000000001"])
	not limit.allow with input as above
	reason := "0x70c0000000000000000000000000000000000070: 1000000000000000000000001 base units are above the limit of 1000000000000000000000000"
	limit.deny == {reason} with input as above
}

of_six_decimals(amount) := object.union(base, {
	"contracts": {token.contract: {"decimals": 6}},
	"effects": {"moves": [{"asset": object.union(token, {"decimals": 6}), "from": "0xa", "to": "0xb", "amount": amount}]},
})

test_the_decimals_are_those_of_the_asset if {
	limit.allow with input as of_six_decimals("1000000000000")
	not limit.allow with input as of_six_decimals("1000000000001")
}

unread := {"code": "unknown_selector", "path": "", "contract": "0xc", "text": "the function is unknown"}

test_the_reason_is_told if {
	unlimited := "0x70c0000000000000000000000000000000000070: the amount is not known, or not limited"
	limit.deny == {unlimited} with input as granting(null)
	limit.deny["not understood: the function is unknown"] with input as effects({"complete": false, "incomplete": [unread]})
	limit.deny["upgrade of 0xc is a power, not a payment"] with input as effects({"powers": [{"kind": "upgrade", "contract": "0xc"}]})
}
