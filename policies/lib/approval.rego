# Approvals of an intent: each person counts once, and the initiator does not count.
package florin.approval

# The people who have approved.
by contains one.by if {
	some one in input.approvals
	one.by != input.initiator.id
}

# The approvers that hold a role.
by_role(role) := {one.by | some one in input.approvals; one.by != input.initiator.id; role in one.roles}

# Whether at least `n` people have approved.
enough(n) if count(by) >= n

# The obligation for `n` approvals, as an element of a policy's `needs`.
required(n) := {"type": "approval", "count": n}
