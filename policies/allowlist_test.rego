package florin.allowlist_test

import data.florin.allowlist

base := data.allowlist_attacks.base

bob := base.effects.moves[0].to

token := base.effects.calls[0].contract

answered(answers) := object.union(object.remove(base, ["lookups"]), {"lookups": answers})

test_recipients_and_contracts_are_looked_up_on_the_chain if {
	requested := allowlist.lookups with input as base
	requested[concat(" ", ["recipients", bob])] == {
		"from": "list.contains",
		"args": {"list": "recipients", "chain": "eip155:1337", "address": bob},
	}
	requested[concat(" ", ["contracts", token])].args.list == "contracts"
	count(requested) == 2
}

test_both_must_be_listed if {
	recipient := concat(" ", ["recipients", bob])
	contract := concat(" ", ["contracts", token])
	allowlist.allow with input as answered({recipient: true, contract: true})
	not allowlist.allow with input as answered({recipient: false, contract: true})
	not allowlist.allow with input as answered({recipient: true})
	reason := sprintf("%s is not on the list recipients, or does not count yet", [bob])
	allowlist.deny == {reason} with input as answered({recipient: false, contract: true})
}
