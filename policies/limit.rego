# No single transfer and no grant above a limit.
#
# The limit is in whole units of a token with 18 decimals; for other decimals, copy this document and change the line below.
package florin.limit

import data.florin.amount
import data.florin.units

limit := units.to_base("1000000", 18)

# Ending a right gives nobody anything.
harmless(power) if power.kind == "grant_revocation"

default allow := false

allow if {
	# What is not known could move anything.
	input.effects.complete == true
	every power in input.effects.powers {
		harmless(power)
	}
	every move in input.effects.moves {
		amount.at_most(move.amount, limit)
	}

	# A grant without an amount is unlimited: `null` is not an amount, so it is not allowed.
	every grant in input.effects.grants {
		amount.at_most(grant.amount, limit)
	}
}

deny contains msg if {
	some power in input.effects.powers
	not harmless(power)
	msg := sprintf("the call changes who controls %s, or what it does: %s", [power.contract, power.kind])
}

deny contains "the effects are not completely known, so the amounts cannot be judged" if not input.effects.complete

deny contains msg if {
	some move in input.effects.moves
	not amount.at_most(move.amount, limit)
	msg := sprintf("a transfer of %s is above the limit of %s", [move.amount, limit])
}

deny contains msg if {
	some grant in input.effects.grants
	not amount.at_most(grant.amount, limit)
	msg := sprintf("a right of %s to transfer is above the limit of %s", [grant.to, limit])
}
