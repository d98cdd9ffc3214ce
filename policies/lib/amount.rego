# Amounts, exactly: whole numbers 0..2^256-1 as decimal strings, in base units.
#
# Numbers in Rego are not exact above 2^53, so amounts are strings, and strings must not be compared with `<`: "9" is above "10" in text
# order. Compare amounts with these functions. For a value that is not an amount ("", "-1", "1e9", "1.5", "007", a number) they are undefined,
# and so is a rule that depends on them. So state what is allowed (`allow if amount.at_most(…)`), or deny what is not known to be valid
# (`deny contains … if not amount.at_most(…)`); `deny … if amount.above(…)` would not deny a value that is not an amount.
package florin.amount

# The largest amount, 2^256-1.
max := "115792089237316195423570985008687907853269984665640564039457584007913129639935"

# Whether a value is an amount in canonical form: digits, no leading zero, not above 2^256-1.
valid(a) if a == "0"

valid(a) if {
	is_string(a)
	a != ""
	not startswith(a, "0")
	trim(a, "0123456789") == ""
	fits(a)
}

fits(a) if count(a) < count(max)

fits(a) if {
	count(a) == count(max)
	a <= max
}

# -1, 0 or 1: whether `a` is below, at or above `b`.
compare(a, b) := 0 if {
	valid(a)
	a == b
}

compare(a, b) := -1 if {
	valid(a)
	valid(b)
	shorter(a, b)
}

compare(a, b) := 1 if {
	valid(a)
	valid(b)
	shorter(b, a)
}

# Of two canonical amounts the longer is the larger; equally long ones compare in text order.
shorter(a, b) if count(a) < count(b)

shorter(a, b) if {
	count(a) == count(b)
	a < b
}

below(a, b) := compare(a, b) == -1

at_most(a, b) := compare(a, b) != 1

above(a, b) := compare(a, b) == 1

at_least(a, b) := compare(a, b) != -1

# The sum of two amounts; undefined above 2^256-1.
add(a, b) := total([a, b])

# The sum of a list of amounts; undefined if one of them is not an amount, or if the sum is above 2^256-1.
total(list) := sum_of if {
	every a in list {
		valid(a)
	}
	sum_of := written(carried([sum([limb(a, place) | some a in list]) | some place in places]))
	valid(sum_of)
}

# Sums use nine limbs of nine digits, most significant first, so that every intermediate number stays far below 2^53.
places := [0, 1, 2, 3, 4, 5, 6, 7, 8]

base := 1000000000

zeros := "000000000000000000000000000000000000000000000000000000000000000000000000000000000"

limb(a, place) := digits_of(substring(concat("", [zeros, a]), count(a) + (9 * place), 9))

# Prefix a one and subtract it again, because `to_number` rejects leading zeros.
digits_of(nine) := to_number(concat("", ["1", nine])) - base

# Each limb keeps its last nine digits and carries the rest to the next more significant limb.
carried(s) := [a0 + c1, a1.keep, a2.keep, a3.keep, a4.keep, a5.keep, a6.keep, a7.keep, a8.keep] if {
	a8 := parted(s[8])
	a7 := parted(s[7] + a8.carry)
	a6 := parted(s[6] + a7.carry)
	a5 := parted(s[5] + a6.carry)
	a4 := parted(s[4] + a5.carry)
	a3 := parted(s[3] + a4.carry)
	a2 := parted(s[2] + a3.carry)
	a1 := parted(s[1] + a2.carry)
	a0 := s[0]
	c1 := a1.carry
}

parted(n) := {"keep": n % base, "carry": (n - (n % base)) / base}

written(limbs) := stripped(concat("", [text | some n in limbs; text := nine_digits(n)]))

nine_digits(n) := substring(format_int(base + n, 10), 1, 9) if n < base

stripped(text) := "0" if trim_left(text, "0") == ""

stripped(text) := trim_left(text, "0") if trim_left(text, "0") != ""
