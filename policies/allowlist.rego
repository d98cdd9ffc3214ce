# Transfers and grants are allowed only to addresses that have the label `allowed` in the data model.
package florin.allowlist

recipients contains move.to if some move in input.effects.moves

recipients contains grant.to if some grant in input.effects.grants

# Answered before `allow` and `deny` are evaluated: the labels of every recipient in the data model.
lookups[recipient] := {"from": "address.labels", "args": {"chain": input.chain.id, "address": recipient}} if {
	some recipient in recipients
}

listed(recipient) if "allowed" in input.lookups[recipient]

# Ending a right gives nobody anything.
harmless(power) if power.kind == "grant_revocation"

default allow := false

allow if {
	# What is not known could pay anyone.
	input.effects.complete == true
	every power in input.effects.powers {
		harmless(power)
	}
	every recipient in recipients {
		listed(recipient)
	}
}

deny contains msg if {
	some power in input.effects.powers
	not harmless(power)
	msg := sprintf("the call changes who controls %s, or what it does: %s", [power.contract, power.kind])
}

deny contains "the effects are not completely known, so neither are the recipients" if not input.effects.complete

deny contains msg if {
	some recipient in recipients
	not listed(recipient)
	msg := sprintf("%s is not on the allow list", [recipient])
}
