# What makes a nonce harmless: to self, nothing, without data. It moves no value but its fee, so every signer of the namespace may, whatever
# other policies say; its envelope is one of its own. Florin itself asks this document about cancels and fills, and no other.
package florin.cancel

import data.florin.amount

default allow := false

allow if {
	input.purpose == "cancel"
	input.intent.kind == "transaction"
	input.wallet.id != ""
	count(input.intent.outputs) == 1
	input.intent.outputs[0].to == input.signer
	amount.compare(input.intent.outputs[0].value, "0") == 0
	input.intent.data == "0x"
	count(input.effects.moves) == 0
	count(input.effects.grants) == 0
	count(input.effects.calls) == 0
}
