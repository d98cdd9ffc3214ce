# A cancel uses up the nonce of a transaction that was signed: a transaction to self, without value or data, that replaces it. It spends nothing
# but its fee, so every signer of the namespace may send it, whatever other policies return; it has its own envelope. Florin evaluates only this document for cancels and fills.
package florin.cancel

import data.florin.amount

default allow := false

allow if {
	input.purpose == "cancel"

	# The permit whose transaction is replaced. Without one, a transaction to self is as any other.
	is_string(input.supersedes)
	input.supersedes != ""
	input.intent.kind == "transaction"
	input.wallet.id != ""
	count(input.intent.outputs) == 1
	input.intent.outputs[0].to == input.signer
	amount.compare(input.intent.outputs[0].value, "0") == 0
	input.intent.data == "0x"
	input.intent.authorizations == []
	input.effects.complete == true
	input.effects.moves == []
	input.effects.grants == []
	input.effects.powers == []
	input.effects.calls == []
	input.effects.deploys == null
}
