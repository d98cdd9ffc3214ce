//! The second step of a signature: in the caller's transaction, judged once more by what holds
//! there.

use crate::state::{Ask, Book, Claim, Entry, Owner, Use};
use crate::table::permit as table;
use crate::{Freeze, Result, Signed, freeze};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::{Fact, Tx};
use types::{ChainId, PermitId, Principal, WalletId, Witness};

/// A signature that is recorded, once the transaction commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The permit; with `id` it names the bytes.
    pub permit: PermitId,
    /// The id under which the chain will know it.
    pub id: String,
    /// The witness that all signatures of the line use up.
    pub anchor: Witness,
    /// Whether it was recorded before: the same bytes, signed again.
    pub again: bool,
}

/// Record signatures: the use of their permits, their witnesses, and their bytes. Whatever may have
/// changed since they were made is judged again; one that is refused stops no other. An error
/// outside is the database's.
pub fn record(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    signed: &[&Signed],
) -> Result<Vec<Result<Recorded>>> {
    let asks: Vec<(&Ask, WalletId)> = signed.iter().map(|one| (&one.ask, one.wallet)).collect();
    let foreign = signed.iter().find(|one| one.namespace != *tx.namespace());
    assert!(
        foreign.is_none(),
        "a signature is recorded in the namespace that it was made in"
    );
    let entries = enter(tx, &asks)?;
    let mut bytes = Vec::new();
    let mut results = Vec::with_capacity(signed.len());
    let now = tx.now();
    for (one, entry) in signed.iter().zip(entries) {
        results.push(entry.map(|(entry, uses)| {
            if !entry.again {
                let Ask {
                    permit,
                    chain,
                    signer,
                    bytes: hash,
                    ..
                } = one.ask.clone();
                let (id, raw) = (one.signed.id.clone(), one.signed.raw.clone());
                bytes.push((
                    permit,
                    id,
                    chain,
                    signer,
                    entry.anchor.clone(),
                    hash,
                    raw,
                    now,
                ));
                tx.append(fact(
                    "signature.recorded",
                    who,
                    &one.ask,
                    uses,
                    Some(one.id()),
                ));
            }
            Recorded {
                permit: one.ask.permit,
                id: one.signed.id.clone(),
                anchor: entry.anchor,
                again: entry.again,
            }
        }));
    }
    table::insert_bytes(tx, &bytes)?;
    Ok(results)
}

/// The bytes of recorded signatures, in the order asked for; none where there is no such record.
/// They are what is broadcast, and they are worth as much as a signature: hand them to nobody but
/// the chain.
pub fn bytes(tx: &mut Tx<'_, '_>, wanted: &[(PermitId, &str)]) -> Result<Vec<Option<Vec<u8>>>> {
    let permits: BTreeSet<(PermitId,)> = wanted.iter().map(|(permit, _)| (*permit,)).collect();
    let permits: Vec<_> = permits.into_iter().collect();
    let found: HashMap<(PermitId, String), Vec<u8>> = table::bytes(tx, &permits)?
        .into_iter()
        .map(|(permit, id, raw)| ((permit, id), raw))
        .collect();
    Ok(wanted
        .iter()
        .map(|(permit, id)| found.get(&(*permit, (*id).to_owned())).cloned())
        .collect())
}

/// Give back what a line of permits held and the chain did not use up: coins of a transaction that
/// can never be mined, since another of its coins, or all that was signed for it, was settled by
/// another transaction in a final block. Only who has seen that block may say so.
pub fn release(
    tx: &mut Tx<'_, '_>,
    who: &Principal,
    chain: &ChainId,
    signer: &str,
    witnesses: &[Witness],
) -> Result<()> {
    let rows: Vec<_> = witnesses
        .iter()
        .map(|one| (chain.clone(), signer.to_owned(), one.clone()))
        .collect();
    if !rows.is_empty() && table::give_back(tx, &rows)? > 0 {
        let says = json!({ "chain": chain, "signer": signer, "witnesses": witnesses });
        tx.append(Fact::new("witness.released", 1).by(who).says(&says));
    }
    Ok(())
}

/// Every id that was signed under a permit, in the order of signing.
pub fn signed_ids(tx: &mut Tx<'_, '_>, permit: &PermitId) -> Result<Vec<String>> {
    Ok(table::ids(tx, permit)?
        .into_iter()
        .map(|(id,)| id)
        .collect())
}

/// Judge in this transaction, and write uses and witnesses of what may be. With each entry the
/// number of uses of its permit.
///
/// Freezes are looked at first, and only who may go on shares the guards: so whoever freezes waits
/// for those alone that began before.
pub(crate) fn enter(
    tx: &mut Tx<'_, '_>,
    asks: &[(&Ask, WalletId)],
) -> Result<Vec<Result<(Entry, u32)>>> {
    let now = tx.now();
    let rows: Vec<&Ask> = asks.iter().map(|(ask, _)| *ask).collect();
    let mut book = load(tx, &rows)?;
    let freezes = freeze::in_force(tx, asks.iter().map(|(_, wallet)| *wallet))?;
    let mut entries = Vec::with_capacity(asks.len());
    for (ask, wallet) in asks {
        let frozen = freezes
            .iter()
            .find(|freeze: &&Freeze| freeze.holds_for(wallet));
        let entry = book.enter(ask, frozen, now);
        entries.push(entry.map(|entry| {
            (
                entry,
                book.uses.get(&ask.permit).map_or(0, |used| used.uses),
            )
        }));
    }
    let go_on = asks
        .iter()
        .zip(&entries)
        .filter(|(_, entry)| entry.is_ok())
        .map(|((_, wallet), _)| *wallet);
    freeze::share_guards(tx, go_on)?;
    write(tx, &rows, &entries, &book)?;
    Ok(entries)
}

fn write(
    tx: &mut Tx<'_, '_>,
    asks: &[&Ask],
    entries: &[Result<(Entry, u32)>],
    book: &Book,
) -> Result<()> {
    let now = tx.now();
    let mut touched = BTreeSet::new();
    let mut claims = Vec::new();
    for (ask, entry) in asks.iter().zip(entries) {
        let Ok((entry, _)) = entry else { continue };
        if entry.again {
            continue;
        }
        touched.extend([Some(ask.permit), ask.supersedes].into_iter().flatten());
        let root = book
            .uses
            .get(&ask.permit)
            .map_or(ask.permit, |used| used.root);
        let claim = |witness: &Witness| {
            (
                ask.chain.clone(),
                ask.signer.clone(),
                witness.clone(),
                root,
                ask.permit,
            )
        };
        claims.extend(entry.claimed.iter().map(claim));
    }
    let uses: Vec<table::UseRow> = touched
        .into_iter()
        .filter_map(|permit| {
            let Use {
                root,
                chain,
                signer,
                intent,
                anchor,
                supersedes,
                superseded_by,
                uses,
                first_at,
            } = book.uses.get(&permit)?.clone();
            Some((
                permit,
                root,
                chain,
                signer,
                intent,
                anchor,
                supersedes,
                superseded_by,
                uses,
                first_at,
                now,
            ))
        })
        .collect();
    table::put_uses(tx, &uses)?;
    let claimed = table::claim(tx, &claims)?;
    assert_eq!(
        claimed,
        claims.len() as u64,
        "a witness that was free is taken in the same transaction"
    );
    Ok(())
}

/// What the database knows of the permits and witnesses that are asked about.
pub(crate) fn load(tx: &mut Tx<'_, '_>, asks: &[&Ask]) -> Result<Book> {
    let permits: BTreeSet<PermitId> = asks
        .iter()
        .flat_map(|ask| [Some(ask.permit), ask.supersedes])
        .flatten()
        .collect();
    let permits: Vec<(PermitId,)> = permits.into_iter().map(|permit| (permit,)).collect();
    let mut book = Book::default();
    for row in table::uses(tx, &permits)? {
        book.revoked.extend(row.10.map(|_| row.0));
        book.uses.extend(used(row));
    }
    book.owners = owners(tx, asks)?;
    book.known.extend(table::known(tx, &permits)?);
    Ok(book)
}

/// Whose the witnesses are that are asked for: one statement a chain, of which there are few.
fn owners(tx: &mut Tx<'_, '_>, asks: &[&Ask]) -> Result<HashMap<Claim, Owner>> {
    let mut wanted: BTreeMap<&ChainId, BTreeSet<(&Witness,)>> = BTreeMap::new();
    for ask in asks {
        wanted
            .entry(&ask.chain)
            .or_default()
            .extend(ask.witnesses.iter().map(|witness| (witness,)));
    }
    let mut owners = HashMap::new();
    for (chain, witnesses) in wanted {
        let witnesses: Vec<_> = witnesses.into_iter().collect();
        owners.extend(table::owners(tx, chain, &witnesses)?.into_iter().map(
            |(signer, witness, root)| {
                (
                    (chain.clone(), signer, witness),
                    root.map_or(Owner::Foreign, Owner::Line),
                )
            },
        ));
    }
    Ok(owners)
}

/// The use of a stored row; none of a permit that was revoked unused.
fn used(row: table::StoredUse) -> Option<(PermitId, Use)> {
    let (permit, root, chain, signer, intent, anchor, supersedes, superseded_by, uses, first_at, _) =
        row;
    let (root, chain, signer, intent) = (root?, chain?, signer?, intent?);
    let (anchor, first_at) = (anchor?, first_at?);
    Some((
        permit,
        Use {
            root,
            chain,
            signer,
            intent,
            anchor,
            supersedes,
            superseded_by,
            uses,
            first_at,
        },
    ))
}

pub(crate) fn fact(
    kind: &'static str,
    who: &Principal,
    ask: &Ask,
    uses: u32,
    id: Option<&str>,
) -> Fact {
    let says = json!({
        "chain": ask.chain, "signer": ask.signer, "id": id, "witnesses": ask.witnesses, "supersedes": ask.supersedes,
    });
    Fact::new(kind, 1)
        .about(&ask.permit, u64::from(uses))
        .by(who)
        .says(&says)
}

impl Recorded {
    /// By what [`bytes`] finds it.
    pub fn key(&self) -> (PermitId, &str) {
        (self.permit, &self.id)
    }
}
