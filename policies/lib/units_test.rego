package florin.units_test

import data.florin.units

test_conversion_is_exact_or_undefined if {
	units.to_base("0.5", 18) == "500000000000000000"
	units.to_base("1000000", 18) == "1000000000000000000000000"
	units.to_base("3", 0) == "3"
	units.to_base("1.20", 2) == "120"
	units.to_base("0.0", 6) == "0"
	units.to_base("007.5", 1) == "75"
	not units.to_base("0.005", 2)
	not units.to_base("1.5", 0)
}

test_only_plain_numbers_are_converted if {
	every bad in ["", ".", "5.", ".5", "1,5", "1e3", "-1", "1.2.3", " 1"] {
		not units.to_base(bad, 18)
	}
	not units.to_base("1", 78)
}
