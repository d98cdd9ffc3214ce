//! Attachments: the policies that are evaluated for a target.

use crate::table::attachment::{Attachment, StoredAttachment};
use crate::table::policy::StoredPolicy;
use crate::{Error, Policy, Result, Target, table};
use store::named::Named as _;
use store::{Fact, Tx};
use types::{Page, Principal};

/// Attach a policy: from now on its active version is evaluated for intents that touch the target.
/// Attaching twice has no further effect. Errors: `policy.unknown_policy`, `policy.invalid_target`,
/// `policy.limit_exceeded`.
pub async fn attach(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    target: Target,
) -> Result<Attachment> {
    let limit = policy.settings.limits.attachments_per_namespace;
    let args = (name_or_id.to_owned(), target.canonical()?);
    policy
        .on()
        .write_as(
            principal,
            args,
            move |tx, principal, (name_or_id, target)| {
                let existing = StoredPolicy::require(tx, (), name_or_id)?;
                if table::attachment::count(tx)? >= limit as u64 {
                    return Err(Error::too_many("attachments in a namespace", limit));
                }
                let attachment = StoredAttachment {
                    target: target.clone(),
                    policy: existing.id,
                    attached_at: tx.now(),
                    attached_by: principal.id.clone(),
                };
                if table::attachment::insert(tx, &attachment)? {
                    changed(tx, "policy.referenced", principal, &existing, target)?;
                }
                Ok(Attachment {
                    policy: existing.id,
                    name: existing.name,
                    target: attachment.target,
                    attached_at: attachment.attached_at,
                    attached_by: attachment.attached_by,
                })
            },
        )
        .await
}

/// Detach a policy; returns whether it was attached. If no other policy is attached, nothing is
/// permitted any more.
pub async fn detach(
    policy: &Policy,
    principal: &Principal,
    name_or_id: &str,
    target: Target,
) -> Result<bool> {
    let args = (name_or_id.to_owned(), target.canonical()?);
    policy
        .on()
        .write_as(principal, args, |tx, principal, (name_or_id, target)| {
            let existing = StoredPolicy::require(tx, (), name_or_id)?;
            let was_attached = table::attachment::delete(tx, target, existing.id)?;
            if was_attached {
                changed(tx, "policy.detached", principal, &existing, target)?;
            }
            Ok(was_attached)
        })
        .await
}

/// The attachments of a policy, or of the whole namespace, ordered by target.
pub async fn attachments(
    policy: &Policy,
    principal: &Principal,
    name_or_id: Option<&str>,
    page: &Page,
) -> Result<Vec<Attachment>> {
    let args = (name_or_id.map(str::to_owned), page.clone());
    policy
        .db()
        .read_with(&principal.namespace, args, |tx, (name_or_id, page)| {
            let of = (name_or_id.as_deref())
                .map(|name_or_id| StoredPolicy::require(tx, (), name_or_id))
                .transpose()?;
            Ok(table::attachment::list(
                tx,
                of.map(|policy| policy.id),
                page,
            )?)
        })
        .await
}

/// Increase the revision and append the fact of a changed attachment.
fn changed(
    tx: &mut Tx,
    kind: &'static str,
    principal: &Principal,
    policy: &StoredPolicy,
    target: &Target,
) -> Result<()> {
    table::revision::bump(tx)?;
    tx.append(
        Fact::new(kind, 1)
            .subject(&policy.id, policy.version)
            .actor(principal)
            .payload(&serde_json::json!({ "target": target })),
    );
    Ok(())
}
