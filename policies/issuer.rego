# For the issuer of tokens: the issuer's wallets mint, burn and use the powers named here, up to a limit; every other wallet, and every other
# transaction, is limited as by limit.rego. Attach it instead of limit.rego.
package florin.issuer

import data.florin.effects
import data.florin.limits

# The wallets that issue, by name.
issuers := {"issuer"}

# Who may request it, and write what requests it: one of these roles is needed.
issuing_roles := {"operator", "admin"}

# The powers that the issuer's wallets may use. Others are upgrade, ownership, forced_transfer, recovery, configuration, module, delegation.
issuing_powers := {"role_grant", "role_revocation", "pause", "unpause", "freeze", "unfreeze", "deployment"}

# The roles that it may grant, as contracts name them: here those that mint and pause in OpenZeppelin's contracts (keccak256 of "MINTER_ROLE" and of
# "PAUSER_ROLE"). Whoever has the role of an administrator, 0x00…00, controls the contract: grant it by hand, under a policy made for that.
grantable_roles := {
	"0x9f2df0fed2c77648de5860a4cc508cd0818c85b8b8a1ab4ceeef8d981c8956a6",
	"0x65d7a28e3265b37a6474929f336521b332c1681b933f6cb9f3376673440d862a",
}

# What one transaction may mint or burn, in whole units: see limit.rego.
issued_by_asset := {"native": "0"}

other_issued := "10000000"

# What one transaction may pay.
by_asset := {"native": "100"}

other_tokens := "1000000"

default allow := false

allow if {
	effects.understood
	effects.payment
	limits.respected(by_asset, other_tokens)
}

allow if {
	effects.understood
	issuing
	limits.respected(issued_by_asset, other_issued)
}

# The issuer's wallet mints, burns or uses its powers, and nothing else.
issuing if {
	by_issuer
	permitted_deployment
	every power in input.effects.powers {
		permitted_power(power)
	}
	input.effects.grants == []
	every move in input.effects.moves {
		changes_supply(move)
	}
}

permitted_power(power) if {
	power.kind in issuing_powers
	power.kind != "role_grant"
}

# A role with an amount of its own, such as an allowance to mint, is not limited by the limits below.
permitted_power(power) if {
	power.kind in issuing_powers
	power.kind == "role_grant"
	power.role in grantable_roles
	power.amount == null
}

by_issuer if {
	input.wallet.name in issuers
	may_issue(input.initiator.roles)

	# Also those who wrote or caused what is done in its name, such as the author of a task.
	every cause in input.initiator.chain_of {
		may_issue(cause.roles)
	}
}

may_issue(roles) if {
	some role in roles
	role in issuing_roles
}

permitted_deployment if input.effects.deploys == null

permitted_deployment if {
	is_string(input.effects.deploys)
	"deployment" in issuing_powers
}

changes_supply(move) if {
	effects.is_mint(move)
	is_string(move.to)
}

changes_supply(move) if {
	effects.is_burn(move)
	is_string(move.from)
}

deny contains msg if some msg in effects.unknown

deny contains msg if {
	not by_issuer
	some msg in effects.beyond_payment
}

deny contains msg if {
	by_issuer
	some power in input.effects.powers
	not permitted_power(power)
	msg := sprintf("%s of %s is not one of the issuer's powers", [power.kind, power.contract])
}

deny contains msg if {
	not issuing
	some msg in limits.exceeded(by_asset, other_tokens)
}

deny contains msg if {
	issuing
	some msg in limits.exceeded(issued_by_asset, other_issued)
}
