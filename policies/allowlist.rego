# Transfers and grants are allowed only to addresses that have the label `allowed` in the data model.
package florin.allowlist

recipients contains move.to if some move in input.effects.moves

recipients contains grant.to if some grant in input.effects.grants

# Answered before `allow` and `deny` are evaluated: the labels of every recipient in the data model.
lookups[recipient] := {"from": "address.labels", "args": {"chain": input.chain.id, "address": recipient}} if {
	some recipient in recipients
}

listed(recipient) if "allowed" in input.lookups[recipient]

default allow := false

allow if {
	# Bytes that were not understood could pay anyone.
	input.effects.opaque == false
	every recipient in recipients {
		listed(recipient)
	}
}

deny contains "the call is not understood, so its recipients are not known" if input.effects.opaque

deny contains msg if {
	some recipient in recipients
	not listed(recipient)
	msg := sprintf("%s is not on the allow list", [recipient])
}
