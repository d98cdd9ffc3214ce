# Transfers above a limit need the approval of two people other than the initiator.
package florin.approvals

import data.florin.amount
import data.florin.approval
import data.florin.units

limit := units.to_base("1000000", 18)

default allow := false

allow if input.effects.opaque == false

small if {
	every move in input.effects.moves {
		amount.at_most(move.amount, limit)
	}
	every grant in input.effects.grants {
		amount.at_most(grant.amount, limit)
	}
}

# A fulfilled need is not listed: when the approvals are given, the decision is made again with them in the input.
needs contains approval.required(2) if {
	not small
	not approval.enough(2)
}
