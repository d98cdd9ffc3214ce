# Approvals: the yes of people to an intent, one voice each, the initiator's own not counted.
package florin.approval

# Who has approved.
by contains one.by if {
	some one in input.approvals
	one.by != input.initiator.id
}

# Who of them holds a role.
by_role(role) := {one.by | some one in input.approvals; one.by != input.initiator.id; role in one.roles}

# Whether so many have.
enough(n) if count(by) >= n

# The obligation to get so many, as a policy's `needs` lists it.
required(n) := {"type": "approval", "count": n}
