//! In whose name a decision is requested: the initiator, and those who wrote or caused what is done
//! in its name. Each counts with the roles that it had then and still has.

use crate::outcome::{Reason, ReasonCode};
use crate::standing::StandingSet;
use crate::{DecisionRequest, Lock, Policy, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Tx;
use types::{ApiKeyId, Digest, Namespace, Permission, Principal, PrincipalKind, Role, Via};

/// What everyone needs in whose name something is signed.
const SUBMIT: Permission = Permission("submission:create");

/// What the decision of a request relies on.
pub(crate) struct Authority {
    /// The hash of the standing set.
    pub(crate) standing: Digest,
    /// Why nothing may be signed in its name, whatever the policies say.
    pub(crate) problems: Vec<Reason>,
}

/// Reads the authority of all requests: one transaction for each namespace. The requests are left
/// with the roles that are still held.
pub(crate) async fn resolve(
    policy: &Policy,
    requests: Vec<DecisionRequest>,
) -> Result<(Vec<DecisionRequest>, Vec<Authority>)> {
    let mut initiators: BTreeMap<Namespace, Vec<Principal>> = BTreeMap::new();
    for request in &requests {
        let of_namespace = initiators.entry(request.initiator.namespace).or_default();
        of_namespace.push(request.initiator.clone());
    }
    let mut sets: BTreeMap<Namespace, StandingSet> = BTreeMap::new();
    for (namespace, initiators) in initiators {
        let args = Arc::new((policy.clone(), initiators));
        let read = |tx: &mut Tx, args: &Arc<(Policy, Vec<Principal>)>| {
            let initiators: Vec<&Principal> = args.1.iter().collect();
            StandingSet::load(&args.0, tx, &initiators, Lock::None)
        };
        let set = policy.db().read_with(&namespace, args, read).await?;
        sets.insert(namespace, set);
    }
    let resolved = requests.into_iter().map(|request| {
        let set = &sets[&request.initiator.namespace];
        authorized(request, set)
    });
    Ok(resolved.unzip())
}

fn authorized(mut request: DecisionRequest, set: &StandingSet) -> (DecisionRequest, Authority) {
    let standing = set.hash(&request.initiator);
    let mut problems = Vec::new();
    // A cancel takes nothing but a fee: whoever may ask for it may have a nonce freed.
    if !request.is_cancel() {
        problems = problems_of(&request.initiator, set);
    }
    let initiator = &mut request.initiator;
    keep_live_roles(&mut initiator.roles, initiator.key, set);
    for cause in &mut initiator.chain_of {
        keep_live_roles(&mut cause.author.roles, cause.author.key, set);
    }
    (request, Authority { standing, problems })
}

/// Keeps the roles that the API key still has.
fn keep_live_roles(roles: &mut Vec<Role>, key: Option<ApiKeyId>, set: &StandingSet) {
    if let Some(key) = key {
        let now = set.key(&key).filter(|now| now.is_live);
        roles.retain(|role| now.is_some_and(|now| now.roles.contains(role)));
    }
}

fn problems_of(initiator: &Principal, set: &StandingSet) -> Vec<Reason> {
    let mut problems = Vec::new();
    let mut add = |why: Option<String>| {
        problems.extend(why.map(|why| Reason::new(ReasonCode::NoAuthority, None, why)));
    };
    add(match (initiator.kind, initiator.key) {
        (PrincipalKind::System, _) => Some(format!(
            "{} is a worker of Florin: it may only use up nonces",
            initiator.id
        )),
        (_, Some(key)) => lost_authority("", &initiator.id, &initiator.roles, key, set),
        // Accepted by a release that recorded names only.
        (_, None) => None,
    });
    for cause in &initiator.chain_of {
        let (author, part) = (&cause.author, part(cause.via));
        add(match (author.kind, author.key) {
            (PrincipalKind::System, _) => None,
            (_, Some(key)) => lost_authority(part, &author.id, &author.roles, key, set),
            (_, None) => Some(format!(
                "the API key of {}{part} is not recorded: it must be written again",
                author.id
            )),
        });
    }
    problems
}

fn part(via: Via) -> &'static str {
    match via {
        Via::Task => ", the author of the task,",
        Via::Listener => ", the author of the listener,",
        Via::Retry => ", who had a step done again,",
    }
}

/// Why nothing may be signed in the name of an API key any more.
fn lost_authority(
    part: &str,
    name: &str,
    had: &[Role],
    key: ApiKeyId,
    set: &StandingSet,
) -> Option<String> {
    let Some(now) = set.key(&key).filter(|now| now.is_live) else {
        return Some(format!(
            "the API key of {name}{part} was revoked or has expired"
        ));
    };
    let mut roles = had.to_vec();
    keep_live_roles(&mut roles, Some(key), set);
    let allowed = roles.iter().any(|role| role.grants(SUBMIT));
    let roles: Vec<&str> = now.roles.iter().map(|role| role.as_str()).collect();
    (!allowed).then(|| {
        let roles = roles.join(", ");
        format!("the roles of {name}{part} do not allow to submit any more: it has [{roles}]")
    })
}
