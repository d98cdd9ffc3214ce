package florin.issuer_test

import data.florin.issuer

base := data.issuer_attacks.base

by_treasury(document) := object.union(document, {"wallet": {"name": "treasury"}})

pausing := object.union(base, {"effects": {"moves": [], "powers": [{"kind": "pause", "contract": "0xc", "path": ""}]}})

upgrading := object.union(base, {"effects": {"moves": [], "powers": [{"kind": "upgrade", "contract": "0xc", "path": ""}]}})

test_the_issuer_mints_and_pauses if {
	issuer.allow with input as base
	issuer.allow with input as pausing
	count(issuer.deny) == 0 with input as base
	count(issuer.deny) == 0 with input as pausing
}

test_another_wallet_does_not if {
	not issuer.allow with input as by_treasury(base)
	not issuer.allow with input as by_treasury(pausing)
	issuer.deny["tokens are minted"] with input as by_treasury(base)
	issuer.deny["pause of 0xc is a power, not a payment"] with input as by_treasury(pausing)
}

test_the_issuer_has_only_the_powers_named if {
	not issuer.allow with input as upgrading
	issuer.deny["upgrade of 0xc is not one of the issuer's powers"] with input as upgrading
}
