package florin.approvals_test

import data.florin.approvals

moving(amount, approved) := {
	"initiator": {"id": "anna"},
	"approvals": approved,
	"effects": {"complete": true, "powers": [], "grants": [], "moves": [{"to": "0xb0b", "amount": amount}]},
}

test_small_transfers_need_no_approval if {
	approvals.allow with input as moving("1000000000000000000000000", [])
	count(approvals.needs) == 0 with input as moving("1000000000000000000000000", [])
}

test_large_transfers_need_two_approvals if {
	large := "1000000000000000000000001"
	approvals.needs == {{"type": "approval", "count": 2}} with input as moving(large, [])
	count(approvals.needs) == 1 with input as moving(large, [{"by": "anna", "roles": []}, {"by": "ben", "roles": []}])
	count(approvals.needs) == 0 with input as moving(large, [{"by": "cleo", "roles": []}, {"by": "ben", "roles": []}])
}
