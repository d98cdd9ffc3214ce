# Signatures only on some days and at some hours. Attach it beside a policy on what is moved: this one does not limit amounts.
package florin.hours

import data.florin.effects
import data.florin.listed

# 1 is Monday, 7 is Sunday. Days and hours are in UTC.
days := {1, 2, 3, 4, 5}

# The hours in which signing is allowed: 8 is from 08:00 to 08:59.
hours := {8, 9, 10, 11, 12, 13, 14, 15, 16, 17}

# Calls that Florin cannot read are denied, unless a controller has listed them.
calls := "calls"

default allow := false

allow if {
	listed.acceptable
	open
}

open if {
	input.time.weekday in days
	input.time.hour in hours
}

lookups := listed.lookups(calls)

deny contains "it is outside the days and hours of signing" if not open

deny contains msg if {
	not listed.acceptable
	some msg in effects.unknown
}

deny contains msg if some msg in listed.missing(calls)
