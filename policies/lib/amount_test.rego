package florin.amount_test

import data.florin.amount

largest := "115792089237316195423570985008687907853269984665640564039457584007913129639935"

test_comparison_is_exact_above_2_to_the_53 if {
	amount.below("1000000000000000000000000", "1000000000000000000000001")
	not amount.at_most("1000000000000000000000001", "1000000000000000000000000")
	amount.compare("1000000000000000000000000", "1000000000000000000000000") == 0
	amount.above("1000000000000000000000001", "1000000000000000000000000")
}

test_longer_amounts_are_larger if {
	amount.below("9", "10")
	amount.at_least("10", "9")
	not amount.at_least("9", "10")
	amount.at_most("0", "0")
}

test_amounts_above_the_maximum_are_invalid if {
	amount.valid(largest)
	amount.at_most(largest, largest)
	amount.below("115792089237316195423570985008687907853269984665640564039457584007913129639934", largest)
	not amount.valid("115792089237316195423570985008687907853269984665640564039457584007913129639936")
	not amount.valid("999999999999999999999999999999999999999999999999999999999999999999999999999999")
	not amount.valid("1000000000000000000000000000000000000000000000000000000000000000000000000000000")
}

not_amounts := ["", "-1", "+1", "1e9", "1.5", "1.0", "007", "00", " 1", "1 ", "0x10", "1_000", "１", "a", 5, 0, null, true, [], {}]

test_invalid_amounts_are_undefined if {
	every bad in not_amounts {
		not amount.valid(bad)
		not amount.at_most(bad, largest)
		not amount.at_most("0", bad)
		not amount.above(bad, "0")
		not amount.above(largest, bad)
		not amount.compare(bad, bad)
		not amount.add(bad, "1")
	}
}

test_sums_carry if {
	amount.add("1", "999999999") == "1000000000"
	amount.add("999999999999999999999999", "1") == "1000000000000000000000000"
	amount.total([]) == "0"
	amount.total(["0", "0"]) == "0"
	amount.total(["5"]) == "5"
	amount.total(["1000000000000000000000000", "1", "1", "1"]) == "1000000000000000000000003"
	amount.add("115792089237316195423570985008687907853269984665640564039457584007913129639934", "1") == largest
}

test_sums_above_the_maximum_are_undefined if {
	not amount.add(largest, "1")
	not amount.total([largest, largest, largest])
	not amount.total(["1", "x"])
}
