package florin.allowlist_test

import data.florin.allowlist

paying(labels) := {
	"chain": {"id": "eip155:1337"},
	"effects": {"complete": true, "powers": [], "grants": [], "moves": [{"to": "0xb0b", "amount": "1"}]},
	"lookups": labels,
}

test_labels_are_looked_up_for_each_recipient if {
	requested := allowlist.lookups with input as paying({})
	requested == {"0xb0b": {"from": "address.labels", "args": {"chain": "eip155:1337", "address": "0xb0b"}}}
}

test_only_listed_recipients_are_paid if {
	allowlist.allow with input as paying({"0xb0b": ["allowed", "customer"]})
	not allowlist.allow with input as paying({"0xb0b": ["customer"]})
	not allowlist.allow with input as paying({"0xa11ce": ["allowed"]})
	not allowlist.allow with input as paying({})
	allowlist.deny == {"0xb0b is not on the allow list"} with input as paying({"0xb0b": []})
}
