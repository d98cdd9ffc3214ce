# Payments up to a limit as by limit.rego, and calls of functions that Florin cannot read, if a controller has listed them by contract and function.
# Attach it instead of limit.rego.
#
# A listed call carries no value. What can be read of it stays within the limits, and no power may be seen in it. List only functions whose effect
# you know for every argument: a function that runs other calls, such as `multicall`, can do anything that the contract lets the signer do.
package florin.calls

import data.florin.effects
import data.florin.limits
import data.florin.listed

# The name of the list, of the kind `call`.
calls := "calls"

# See limit.rego.
by_asset := {"native": "100"}

other_tokens := "1000000"

default allow := false

allow if {
	listed.acceptable
	effects.payment
	limits.respected(by_asset, other_tokens)
}

lookups := listed.lookups(calls)

deny contains msg if {
	not listed.acceptable
	some msg in effects.unknown
}

deny contains msg if some msg in listed.missing(calls)

deny contains msg if some msg in effects.beyond_payment

deny contains msg if some msg in limits.exceeded(by_asset, other_tokens)
