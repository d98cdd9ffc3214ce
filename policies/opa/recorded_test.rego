# Inputs of a running server, on stock OPA. A test of `crates/florin` records them.
package opa.recorded_test

# The answers in the log of the decision, under the names that the document gives its lookups.
answers(recorded) := {id: entry.answer |
	requested := data.florin[recorded.policy].lookups with input as recorded.input
	some id, request in requested
	some entry in recorded.lookups
	entry.from == request.from
	entry.args == request.args
}

permitted(recorded) if {
	document := object.union(recorded.input, {"lookups": answers(recorded)})
	data.florin[recorded.policy].allow == true with input as document
	denials := {message | some message in data.florin[recorded.policy].deny} with input as document
	count(denials) == 0
}

test_each_recorded_input_has_the_outcome_of_the_server if {
	wrong := {[recorded.policy, recorded.case] |
		some cases in data.recorded
		some recorded in cases
		recorded.permitted
		not permitted(recorded)
	}
	wrongly := {[recorded.policy, recorded.case] |
		some cases in data.recorded
		some recorded in cases
		not recorded.permitted
		permitted(recorded)
	}
	print(wrong | wrongly)
	count(wrong | wrongly) == 0
	count(data.recorded) >= 3
}
