# Transfers above a limit need the approval of two people other than the initiator. Approvals cannot be given yet: such
# a submission waits in `awaiting_approval` until it is withdrawn.
package florin.approvals

import data.florin.amount
import data.florin.approval
import data.florin.units

limit := units.to_base("1000000", 18)

default allow := false

allow if {
	input.effects.complete == true
	every power in input.effects.powers {
		power.kind == "grant_revocation"
	}
}

small if {
	every move in input.effects.moves {
		amount.at_most(move.amount, limit)
	}
	every grant in input.effects.grants {
		amount.at_most(grant.amount, limit)
	}
}

# A fulfilled need is not listed: once approvals can be given, the decision is made again with them in the input.
needs contains approval.required(2) if {
	not small
	not approval.enough(2)
}
