# Payments up to a limit. Attach it to the namespace to begin with.
#
# One transaction moves, or lets others move, no more of an asset than its limit. Everything else is denied: what is not understood, amounts and
# decimals that are not known, unlimited grants, minting and burning, and powers over contracts, such as roles, upgrades and pauses.
package florin.limit

import data.florin.effects
import data.florin.limits

# The limit of each asset, in whole units: by "native" for the coin of every chain, by "eip155:1/native" for that of one chain, by the name under
# which the contract of a token is registered, or by "eip155:1/0x…".
by_asset := {"native": "100"}

# The limit of each token that is not named above. "0" denies them.
other_tokens := "1000000"

default allow := false

allow if {
	effects.understood
	effects.payment
	limits.respected(by_asset, other_tokens)
}

deny contains msg if some msg in effects.unknown

deny contains msg if some msg in effects.beyond_payment

deny contains msg if some msg in limits.exceeded(by_asset, other_tokens)
