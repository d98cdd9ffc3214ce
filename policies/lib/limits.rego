# Limits on what one transaction moves and lets others move, asset by asset: the moves and grants of an asset are added up, nested calls included.
#
# Limits are in whole units, by "<chain>/<contract>" or "<chain>/native", by the name under which a controller registered the contract, or by
# "native". The decimals are those that Florin knows of the asset: without them, no amount is within a limit.
package florin.limits

import data.florin.amount
import data.florin.units

# What is moved now, and what others may move later.
flows := array.concat(input.effects.moves, input.effects.grants)

# Whether each asset stays within its limit. `others` is the limit of tokens without one of their own; "0" allows none.
respected(by_asset, others) if {
	every flow in flows {
		within(flow, by_asset, others)
	}
}

# Why not, for people.
exceeded(by_asset, others) := {msg |
	some flow in flows
	not within(flow, by_asset, others)
	msg := sprintf("%s: %s", [called(flow.asset), why(flow, by_asset, others)])
}

# An amount that is not known (`null`) is unlimited, so it is not within a limit.
within(flow, by_asset, others) if {
	amount.valid(flow.amount)
	amount.at_most(totals[key(flow.asset)], base_units(flow.asset, by_asset, others))
}

# The sum of each asset. An asset whose sum is above 2^256-1 has none, and is not within any limit.
totals[asset] := sum_of if {
	some asset in {key(flow.asset) | some flow in flows}
	sum_of := sum_of_all([flow.amount | some flow in flows; key(flow.asset) == asset])
}

# Most transactions move an asset once.
sum_of_all(amounts) := amounts[0] if count(amounts) == 1

sum_of_all(amounts) := amount.total(amounts) if count(amounts) > 1

key(asset) := "native" if asset.type == "native"

# All ids of a contract are one asset.
key(asset) := asset.contract if asset.type == "token"

base_units(asset, by_asset, others) := units.to_base(whole_units(asset, by_asset, others), decimals(asset))

whole_units(asset, by_asset, _) := limit if {
	asset.type == "native"
	limit := object.get(by_asset, on_chain("native"), object.get(by_asset, "native", null))
}

whole_units(asset, by_asset, others) := limit if {
	asset.type == "token"
	asset.standard != "erc721"
	limit := named(asset, by_asset, others)
}

# One token of a collection may be worth anything: a collection has the limit that is its own, or none.
whole_units(asset, by_asset, _) := limit if {
	asset.type == "token"
	asset.standard == "erc721"
	limit := named(asset, by_asset, null)
}

named(asset, by_asset, others) := limit if {
	name := input.contracts[asset.contract].name
	limit := object.get(by_asset, on_chain(asset.contract), object.get(by_asset, name, others))
}

on_chain(asset) := concat("/", [input.chain.id, asset])

decimals(asset) := asset.decimals if {
	asset.type == "native"
	is_number(asset.decimals)
	floor(asset.decimals) == asset.decimals
}

decimals(asset) := asset.decimals if {
	asset.type == "token"
	is_number(asset.decimals)
	floor(asset.decimals) == asset.decimals
	asset.decimals == input.contracts[asset.contract].decimals
}

# Tokens of a collection are counted.
decimals(asset) := 0 if {
	asset.type == "token"
	asset.decimals == null
	asset.standard == "erc721"
	is_object(input.contracts[asset.contract])
}

called(asset) := "native" if asset.type == "native"

called(asset) := asset.contract if asset.type == "token"

called(asset) := "everything" if asset == null

why(flow, _, _) := "the amount is not known, or not limited" if not amount.valid(flow.amount)

why(flow, by_asset, others) := "the asset has no limit, or its decimals are not known" if {
	amount.valid(flow.amount)
	not base_units(flow.asset, by_asset, others)
}

why(flow, by_asset, others) := msg if {
	amount.valid(flow.amount)
	limit := base_units(flow.asset, by_asset, others)
	msg := sprintf("%s base units are above the limit of %s", [object.get(totals, key(flow.asset), "too many"), limit])
}
