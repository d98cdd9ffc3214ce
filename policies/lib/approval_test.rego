package florin.approval_test

import data.florin.approval

approved := {
	"initiator": {"id": "anna"},
	"approvals": [
		{"by": "anna", "roles": ["controller"]},
		{"by": "ben", "roles": ["controller"]},
		{"by": "ben", "roles": ["controller"]},
		{"by": "cleo", "roles": ["operator"]},
	],
}

test_each_approver_counts_once_and_the_initiator_does_not if {
	approval.by == {"ben", "cleo"} with input as approved
	approval.enough(2) with input as approved
	not approval.enough(3) with input as approved
	approval.by_role("controller") == {"ben"} with input as approved
}
