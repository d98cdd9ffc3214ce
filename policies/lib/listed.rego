# Calls that a controller has listed by contract and function, because Florin cannot read what they do.
package florin.listed

import data.florin.effects

# What is not understood of a listed call is accepted: the function. Anything else is not, such as a contract whose code has changed, or one that is
# not registered, so that a change of its code would not be seen.
listable := {"unknown_selector"}

# The calls that are not understood.
calls contains call if {
	some reason in input.effects.incomplete
	some call in input.effects.calls
	call.path == reason.path
}

# The lookups of a document that accepts the calls of a list. Nothing is looked up if everything is understood.
lookups(list) := {key(call): requested |
	some call in calls
	requested := {"from": "list.allows_call", "args": {
		"list": list,
		"chain": input.chain.id,
		"contract": call.contract,
		"selector": call.selector,
	}}
}

# Everything that is not understood is a call on the list, sent without value.
covers if {
	input.effects.complete == false
	input.intent.kind == "transaction"
	input.intent.value == "0"
	input.intent.authorizations == []
	count(input.effects.incomplete) > 0
	every reason in input.effects.incomplete {
		reason.code in listable
		some call in input.effects.calls
		call.path == reason.path
		input.lookups[key(call)] == true
	}
}

# Everything is understood, or listed.
acceptable if effects.understood

acceptable if covers

key(call) := concat(" ", [call.contract, call.selector])

# The calls that are neither, for people.
missing(list) := {msg |
	not covers
	some call in calls
	not input.lookups[key(call)]
	msg := sprintf("%s of %s is not on the list %s, or does not count yet", [call.selector, call.contract, list])
}
