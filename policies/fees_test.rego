package florin.fees_test

import data.florin.fees

base := data.fees_attacks.base

on(chain, quote) := object.union(base, {"chain": {"id": chain}, "fee": {"quote": quote}})

test_the_bounds_are_those_of_the_chain if {
	quote := {"total_fee": "60000000000000000"}
	fees.allow with input as on("eip155:1337", quote)
	not fees.allow with input as on("eip155:1", quote)
	fees.deny["total_fee of 60000000000000000 is above the bound of 50000000000000000"] with input as on("eip155:1", quote)
}

test_the_permit_is_bounded_too if {
	caps := {"total_fee": "50000000000000000", "fee_per_gas": "200000000000", "tip": "5000000000"}
	fees.envelope == caps with input as on("eip155:1", {})
}
