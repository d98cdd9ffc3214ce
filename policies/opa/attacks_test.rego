# The attack files, on stock OPA. `cargo test -p policy` runs them on the evaluator of Florin.
package opa.attacks_test

files := {
	"limit": data.limit_attacks,
	"allowlist": data.allowlist_attacks,
	"issuer": data.issuer_attacks,
	"calls": data.calls_attacks,
	"fees": data.fees_attacks,
	"hours": data.hours_attacks,
	"cancel": data.cancel_attacks,
}

# A patch of the whole document replaces it.
patched(_, patch) := patch[0].value if patch[0].path == ""

patched(base, patch) := json.patch(base, patch) if patch[0].path != ""

allowed(name, document) if data.florin[name].allow == true with input as document

permitted(name, document) if {
	allowed(name, document)
	denials := {message | some message in data.florin[name].deny} with input as document
	count(denials) == 0
}

test_what_is_attacked_is_permitted if {
	refused := {[name, "base"] | some name, file in files; not permitted(name, file.base)}
	variants := {[name, item.why] |
		some name, file in files
		some item in file.permitted
		not permitted(name, patched(file.base, item.patch))
	}
	print(refused | variants)
	count(refused | variants) == 0
}

test_every_attack_is_denied if {
	succeeded := {[name, attack.why] |
		some name, file in files
		some attack in file.attacks
		allowed(name, patched(file.base, attack.patch))
	}
	print(succeeded)
	count(succeeded) == 0
}

# A patch that does not apply would leave nothing to attack.
test_every_patch_applies if {
	broken := {[name, item.why] |
		some name, file in files
		some item in array.concat(file.permitted, file.attacks)
		not is_object(patched(file.base, item.patch))
	}
	print(broken)
	count(broken) == 0
}
