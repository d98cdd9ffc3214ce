package florin.hours_test

import data.florin.hours

base := data.hours_attacks.base

at(weekday, hour) := object.union(base, {"time": {"weekday": weekday, "hour": hour}})

test_only_working_hours_are_open if {
	hours.allow with input as at(1, 8)
	hours.allow with input as at(5, 17)
	not hours.allow with input as at(5, 18)
	not hours.allow with input as at(6, 12)
	hours.deny == {"it is outside the days and hours of signing"} with input as at(7, 12)
}
