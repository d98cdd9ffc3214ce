# What a signature does, in the words that policies need. `input.effects` is read from the bytes and from what controllers have registered of the
# contracts; nothing in it is the word of the caller.
package florin.effects

# Everything that the signature does is known. Otherwise it could do anything.
understood if {
	input.effects.complete == true
	input.effects.incomplete == []
	is_array(input.effects.moves)
	is_array(input.effects.grants)
	is_array(input.effects.powers)
	is_array(input.effects.calls)
}

# Why it is not understood, for people.
unknown contains msg if {
	some reason in input.effects.incomplete
	msg := sprintf("not understood: %s", [reason.text])
}

unknown contains "not understood: what the signature does is not known" if {
	not understood
	not input.effects.incomplete[0]
}

# Tokens are minted from this address and burned to it.
zero := "0x0000000000000000000000000000000000000000"

is_mint(move) if move.from == zero

is_burn(move) if move.to == zero

# Only moves from one account to another, and rights to make such moves: nothing is minted or burned, no power over a contract is used or given
# away, nothing is deployed.
payment if {
	every power in input.effects.powers {
		harmless(power)
	}
	input.effects.deploys == null
	every grant in input.effects.grants {
		grant.owner == input.signer
	}
	every move in input.effects.moves {
		# Not `not is_mint(move)`, which would hold for a move without `from`.
		move.from != zero
		move.to != zero
	}
}

# Ending a right gives nobody anything.
harmless(power) if power.kind == "grant_revocation"

# Why it is not only a payment, for people.
beyond_payment contains msg if {
	some power in input.effects.powers
	not harmless(power)
	msg := sprintf("%s of %s is a power, not a payment", [power.kind, power.contract])
}

beyond_payment contains msg if {
	some grant in input.effects.grants
	not grant.owner == input.signer
	msg := sprintf("a right over the assets of another account is given to %s", [grant.to])
}

beyond_payment contains "tokens are minted" if {
	some move in input.effects.moves
	is_mint(move)
}

beyond_payment contains "tokens are burned" if {
	some move in input.effects.moves
	is_burn(move)
}

beyond_payment contains "a contract is deployed" if {
	is_string(input.effects.deploys)
}
