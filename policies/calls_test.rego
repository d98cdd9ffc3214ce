package florin.calls_test

import data.florin.calls

base := data.calls_attacks.base

unread := {"code": "unknown_selector", "path": "", "contract": "0xd0e", "text": "the function of 0xd0e is not known"}

call := {"path": "", "contract": "0xd0e", "selector": "0x12345678", "signature": null, "arguments": null, "decoded_by": null}

calling(answers) := object.union(base, {
	"lookups": answers,
	"effects": {"moves": [], "calls": [call], "complete": false, "incomplete": [unread]},
})

test_only_what_is_not_understood_is_looked_up if {
	requested := calls.lookups with input as calling({})
	args := {"list": "calls", "chain": "eip155:1337", "contract": "0xd0e", "selector": "0x12345678"}
	requested["0xd0e 0x12345678"] == {"from": "list.allows_call", "args": args}
	count(requested) == 1
	count(calls.lookups) == 0 with input as base
}

test_a_listed_call_is_allowed if {
	calls.allow with input as calling({"0xd0e 0x12345678": true})
	count(calls.deny) == 0 with input as calling({"0xd0e 0x12345678": true})
}

test_any_other_call_is_denied if {
	not calls.allow with input as calling({"0xd0e 0x12345678": false})
	reasons := calls.deny with input as calling({"0xd0e 0x12345678": false})
	reasons == {
		"not understood: the function of 0xd0e is not known",
		"0x12345678 of 0xd0e is not on the list calls, or does not count yet",
	}
}
