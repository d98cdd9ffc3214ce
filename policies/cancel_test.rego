package florin.cancel_test

import data.florin.cancel

cancel_input := {
	"purpose": "cancel",
	"signer": "0x5e1f",
	"wallet": {"id": "wal:1"},
	"intent": {"kind": "transaction", "outputs": [{"to": "0x5e1f", "value": "0"}], "data": "0x"},
	"effects": {"moves": [], "grants": [], "calls": []},
}

test_an_empty_transaction_to_self_is_allowed if cancel.allow with input as cancel_input

test_anything_else_is_not_allowed if {
	not cancel.allow with input as object.union(cancel_input, {"intent": {"outputs": [{"to": "0xb0b", "value": "0"}]}})
	not cancel.allow with input as object.union(cancel_input, {"intent": {"outputs": [{"to": "0x5e1f", "value": "1"}]}})
	not cancel.allow with input as object.union(cancel_input, {"intent": {"data": "0x00"}})
	not cancel.allow with input as object.union(cancel_input, {"intent": {"kind": "message"}})
	not cancel.allow with input as object.union(cancel_input, {"purpose": "act"})
	not cancel.allow with input as object.union(cancel_input, {"wallet": {"id": ""}})
	not cancel.allow with input as object.union(cancel_input, {"effects": {"grants": [{}]}})
}
