//! Which documents are asked: those attached to what is touched, and those named.

use super::case::{Asked, Case};
use crate::decision::Source;
use crate::document::SHIPPED_CANCEL;
use crate::outcome::{Reason, Why};
use crate::shelf::Document;
use crate::table::attachment::Found;
use crate::{Error, Policy, Result, table};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use store::Tx;
use types::{Digest, Namespace, VersionId};

/// The current policies of a namespace, as far as they matter here.
#[derive(Default)]
struct Standing {
    version: i64,
    attached: HashMap<(String, String), Vec<Found>>,
    named: HashMap<String, Found>,
}

/// Give each case its documents.
pub(crate) async fn documents(policy: &Policy, mut cases: Vec<Case>) -> Result<Vec<Case>> {
    let cancel = shipped_cancel(policy).await?;
    for (namespace, places) in by_namespace(&cases) {
        let standing = read(policy, &namespace, &cases, &places).await?;
        let documents = compiled(policy, &namespace, &standing).await?;
        for place in places {
            cases[place].standing = Some(standing.version);
            give(
                &mut cases[place],
                &standing,
                &documents,
                policy.config.limits.policies_asked,
            );
        }
    }
    for case in cases
        .iter_mut()
        .filter(|case| case.question.is_cancel() && case.is_readable())
    {
        let source = Source::Shipped {
            name: "cancel".to_owned(),
            hash: cancel.hash,
        };
        case.documents = vec![Asked {
            source,
            document: cancel.clone(),
            asks: Ok(Vec::new()),
        }];
    }
    Ok(cases)
}

/// Which cases of each namespace ask standing policies. Cancels do not: no policy may keep a nonce
/// from being made harmless.
fn by_namespace(cases: &[Case]) -> BTreeMap<Namespace, Vec<usize>> {
    let mut places: BTreeMap<Namespace, Vec<usize>> = BTreeMap::new();
    for (place, case) in cases
        .iter()
        .enumerate()
        .filter(|(_, case)| !case.question.is_cancel() && case.is_readable())
    {
        places
            .entry(case.question.initiator.namespace.clone())
            .or_default()
            .push(place);
    }
    places
}

async fn shipped_cancel(policy: &Policy) -> Result<Arc<Document>> {
    if let Some(document) = policy.shelf.get(&Digest::of(SHIPPED_CANCEL.as_bytes())) {
        return Ok(document);
    }
    let shelf = policy.shelf.clone();
    let mut documents = policy
        .threads
        .each(vec![SHIPPED_CANCEL], move |text| shelf.put(text))
        .await?;
    documents.pop().ok_or_else(|| Error::Stopped {
        why: "the shipped rule was lost".to_owned(),
    })
}

async fn read(
    policy: &Policy,
    namespace: &Namespace,
    cases: &[Case],
    places: &[usize],
) -> Result<Standing> {
    let targets: HashSet<(&'static str, String)> = places
        .iter()
        .flat_map(|place| &cases[*place].targets)
        .map(|target| (target.word(), target.which()))
        .filter(|(_, which)| !which.contains('\0'))
        .collect();
    let names: HashSet<(String,)> = places
        .iter()
        .flat_map(|place| &cases[*place].question.policies)
        .filter(|name| !name.contains('\0'))
        .map(|name| (name.clone(),))
        .collect();
    let (targets, names): (Vec<_>, Vec<_>) =
        (targets.into_iter().collect(), names.into_iter().collect());
    policy
        .db
        .read(namespace, move |tx| standing(tx, &targets, &names))
        .await
}

fn standing(
    tx: &mut Tx<'_, '_>,
    targets: &[(&'static str, String)],
    names: &[(String,)],
) -> Result<Standing> {
    let mut standing = Standing {
        version: table::standing::get(tx)?,
        ..Standing::default()
    };
    for (kind, target, found) in table::attachment::attached(tx, targets)? {
        standing
            .attached
            .entry((kind, target))
            .or_default()
            .push(found);
    }
    for found in table::attachment::named(tx, names)? {
        standing.named.insert(found.1.clone(), found);
    }
    Ok(standing)
}

/// The documents of all versions, compiled where they were not yet.
async fn compiled(
    policy: &Policy,
    namespace: &Namespace,
    standing: &Standing,
) -> Result<HashMap<VersionId, Arc<Document>>> {
    let all = standing
        .attached
        .values()
        .flatten()
        .chain(standing.named.values());
    let versions: HashMap<VersionId, Digest> =
        all.filter_map(|found| found.2.zip(found.4)).collect();
    load(policy, namespace, versions).await
}

/// The documents of versions, from the shelf or else from the database.
pub(crate) async fn load(
    policy: &Policy,
    namespace: &Namespace,
    versions: HashMap<VersionId, Digest>,
) -> Result<HashMap<VersionId, Arc<Document>>> {
    let mut documents = HashMap::new();
    let mut missing = Vec::new();
    for (version, hash) in versions {
        match policy.shelf.get(&hash) {
            Some(document) => drop(documents.insert(version, document)),
            None => missing.push((version,)),
        }
    }
    if !missing.is_empty() {
        let texts = policy
            .db
            .read(namespace, move |tx| table::version::documents(tx, &missing))
            .await?;
        let shelf = policy.shelf.clone();
        documents.extend(
            policy
                .threads
                .each(texts, move |(version, text)| (version, shelf.put(&text)))
                .await?,
        );
    }
    Ok(documents)
}

/// Give a case the policies of its targets and names, each once.
fn give(
    case: &mut Case,
    standing: &Standing,
    documents: &HashMap<VersionId, Arc<Document>>,
    most: usize,
) {
    let mut asked: BTreeMap<&str, &Found> = BTreeMap::new(); // by name, so that the log reads the same every time
    for target in &case.targets {
        let found = standing
            .attached
            .get(&(target.word().to_owned(), target.which()));
        asked.extend(
            found
                .into_iter()
                .flatten()
                .map(|found| (found.1.as_str(), found)),
        );
    }
    for name in &case.question.policies {
        match standing.named.get(name) {
            Some(found) => drop(asked.insert(&found.1, found)),
            None => case.problems.push(Reason::new(
                Why::Missing,
                Some(name),
                "there is no policy of this name",
            )),
        }
    }
    if asked.len() > most {
        case.problems.push(Reason::new(
            Why::NoAnswer,
            None,
            format!("more than {most} policies would have to be asked"),
        ));
        return;
    }
    for (id, name, version, label, hash) in asked.into_values() {
        match version
            .and_then(|version| Some((version, documents.get(&version)?, label.clone()?, (*hash)?)))
        {
            Some((version, document, label, hash)) => {
                let source = Source::Version {
                    policy: *id,
                    name: name.clone(),
                    version,
                    label,
                    hash,
                };
                case.documents.push(Asked {
                    source,
                    document: document.clone(),
                    asks: Ok(Vec::new()),
                });
            }
            None => case.problems.push(Reason::new(
                Why::Missing,
                Some(name),
                "it has no version yet",
            )),
        }
    }
}
