package florin.approval_test

import data.florin.approval

said := {
	"initiator": {"id": "anna"},
	"approvals": [
		{"by": "anna", "roles": ["controller"]},
		{"by": "ben", "roles": ["controller"]},
		{"by": "ben", "roles": ["controller"]},
		{"by": "cleo", "roles": ["operator"]},
	],
}

test_each_voice_counts_once_and_the_initiators_does_not if {
	approval.by == {"ben", "cleo"} with input as said
	approval.enough(2) with input as said
	not approval.enough(3) with input as said
	approval.by_role("controller") == {"ben"} with input as said
}
