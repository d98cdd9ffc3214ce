# Bounds on the fee, per chain. Attach it to the namespace, beside a policy on what is moved: this one does not limit amounts.
package florin.fees

import data.florin.amount
import data.florin.effects
import data.florin.listed
import data.florin.units

# By chain: the whole fee in coins, the fee per gas and the tip per gas in gwei.
by_chain := {"eip155:1": {"total": "0.05", "fee_per_gas": "200", "tip": "5"}}

# The same on every other chain.
other_chains := {"total": "0.1", "fee_per_gas": "500", "tip": "50"}

# Decimals of the coin and of a gwei.
coin := 18

gwei := 9

# Calls that Florin cannot read are denied, unless a controller has listed them.
calls := "calls"

default allow := false

allow if {
	listed.acceptable
	amount.at_most(input.fee.quote.total_fee, envelope.total_fee)
	amount.at_most(input.fee.quote.fee_per_gas, envelope.fee_per_gas)
	amount.at_most(input.fee.quote.tip, envelope.tip)
}

# No signature under the permit may spend more, also not when the price is raised later.
envelope := {
	"total_fee": units.to_base(bounds.total, coin),
	"fee_per_gas": units.to_base(bounds.fee_per_gas, gwei),
	"tip": units.to_base(bounds.tip, gwei),
}

bounds := object.get(by_chain, input.chain.id, other_chains)

lookups := listed.lookups(calls)

deny contains msg if {
	some name in ["total_fee", "fee_per_gas", "tip"]
	not amount.at_most(input.fee.quote[name], envelope[name])
	msg := sprintf("%s of %s is above the bound of %s", [name, input.fee.quote[name], envelope[name]])
}

deny contains msg if {
	not listed.acceptable
	some msg in effects.unknown
}

deny contains msg if some msg in listed.missing(calls)
