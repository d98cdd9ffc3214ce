# A cancel uses up a nonce: a transaction to self, without value or data. It spends nothing but its fee, so every signer of the namespace may
# send it, whatever other policies return; it has its own envelope. Florin evaluates only this document for cancels and fills.
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
