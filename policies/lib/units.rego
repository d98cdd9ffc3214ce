# Amounts as people write them: "0.5" of a unit with 18 decimals is "500000000000000000" base units. Undefined if not exact.
package florin.units

import data.florin.amount

# Base units of a plain decimal number in a unit with this number of decimals (0..77). Undefined if the number has more decimal places than the
# unit, or is not plain.
to_base(text, decimals) := amount_of if {
	parts := split(text, ".")
	count(parts) <= 2
	whole := parts[0]
	fraction := concat("", array.slice(parts, 1, 2))
	digits(whole)
	plain(parts)
	count(fraction) <= decimals
	amount_of := amount.stripped(concat("", [whole, fraction, substring(amount.zeros, 0, decimals - count(fraction))]))
	amount.valid(amount_of)
}

plain(parts) if count(parts) == 1

plain(parts) if digits(parts[1])

digits(text) if {
	text != ""
	trim(text, "0123456789") == ""
}
