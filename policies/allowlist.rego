# Payments to listed accounts only. A controller keeps the lists (`florin list`); a new entry counts after the cooling time of its list.
#
# Whoever receives something, or a right to move something, is on the list of recipients, and every contract that is called is on the list of
# contracts. Everything else is denied: what is not understood, minting and burning, and powers over contracts. Amounts are not limited: attach
# limit.rego too.
package florin.allowlist

import data.florin.effects

# The names of the lists, both of the kind `account`. They may be one list.
recipients := "recipients"

contracts := "contracts"

default allow := false

allow if {
	effects.understood
	effects.payment
	every move in input.effects.moves {
		listed(recipients, move.to)
	}
	every grant in input.effects.grants {
		listed(recipients, grant.to)
	}
	every call in input.effects.calls {
		listed(contracts, call.contract)
	}
}

# The accounts of a transaction, and the list that each must be on.
required contains {"list": recipients, "account": move.to} if some move in input.effects.moves

required contains {"list": recipients, "account": grant.to} if some grant in input.effects.grants

required contains {"list": contracts, "account": call.contract} if some call in input.effects.calls

lookups[id] := requested if {
	some need in required
	id := key(need.list, need.account)
	args := {"list": need.list, "chain": input.chain.id, "address": need.account}
	requested := {"from": "list.contains", "args": args}
}

key(list, account) := concat(" ", [list, account])

listed(list, account) if input.lookups[key(list, account)] == true

deny contains msg if some msg in effects.unknown

deny contains msg if some msg in effects.beyond_payment

deny contains msg if {
	some need in required
	not listed(need.list, need.account)
	msg := sprintf("%s is not on the list %s, or does not count yet", [need.account, need.list])
}
