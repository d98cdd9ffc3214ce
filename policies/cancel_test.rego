package florin.cancel_test

import data.florin.cancel

nothing := {
	"purpose": "cancel",
	"signer": "0x5e1f",
	"wallet": {"id": "wal:1"},
	"intent": {"kind": "transaction", "outputs": [{"to": "0x5e1f", "value": "0"}], "data": "0x"},
	"effects": {"moves": [], "grants": [], "calls": []},
}

test_nothing_to_self if cancel.allow with input as nothing

test_anything_else_is_no_cancel if {
	not cancel.allow with input as object.union(nothing, {"intent": {"outputs": [{"to": "0xb0b", "value": "0"}]}})
	not cancel.allow with input as object.union(nothing, {"intent": {"outputs": [{"to": "0x5e1f", "value": "1"}]}})
	not cancel.allow with input as object.union(nothing, {"intent": {"data": "0x00"}})
	not cancel.allow with input as object.union(nothing, {"intent": {"kind": "message"}})
	not cancel.allow with input as object.union(nothing, {"purpose": "act"})
	not cancel.allow with input as object.union(nothing, {"wallet": {"id": ""}})
	not cancel.allow with input as object.union(nothing, {"effects": {"grants": [{}]}})
}
