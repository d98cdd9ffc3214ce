package florin.cancel_test

import data.florin.cancel

cancel_input := data.cancel_attacks.base

test_an_empty_transaction_to_self_is_allowed if cancel.allow with input as cancel_input

test_anything_else_is_not_allowed if {
	not cancel.allow with input as object.union(cancel_input, {"intent": {"outputs": [{"to": "0xb0b", "value": "0"}]}})
	not cancel.allow with input as object.union(cancel_input, {"intent": {"outputs": [{"to": cancel_input.signer, "value": "1"}]}})
	not cancel.allow with input as object.union(cancel_input, {"intent": {"data": "0x00"}})
	not cancel.allow with input as object.union(cancel_input, {"intent": {"kind": "message"}})
	not cancel.allow with input as object.union(cancel_input, {"purpose": "act"})
	not cancel.allow with input as object.union(cancel_input, {"wallet": {"id": ""}})
	not cancel.allow with input as object.union(cancel_input, {"effects": {"grants": [{}]}})
	not cancel.allow with input as object.union(cancel_input, {"supersedes": null})
	not cancel.allow with input as object.remove(cancel_input, ["supersedes"])
}
