//! Construction of the engines: one database, one keyring, every configured chain.

use crate::adapters::{
    ChainEvents, ContractReferences, DataLookups, DefaultChains, KnownContracts, Opa,
};
use crate::clock::{OsEntropy, SystemClock};
use crate::config::{self, Config};
use crate::key_files;
use anyhow::{Context as _, Error, Result, bail};
use api::access::{NamespacesRevision, StoredApiKeys};
use chain::Connector;
use chain::evm::Evm;
use outbound::{AddressPolicy, Outbound, Rule, Settings as OutboundSettings};
use policy::PermitSigner as _;
use secrets::{Keyring, MasterKey, MasterSource, Secrets};
use std::sync::Arc;
use store::{Db, Lease, LeaseClock};
use types::{Clock, Entropy};

/// Limit of processes that share a database.
const API_SLOTS: u32 = 64;

/// The engines of a process and what they share.
pub(crate) struct Engines {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
    pub(crate) chains: Vec<(config::Chain, Arc<Evm>)>,
    pub(crate) keys: keys::Keys,
    pub(crate) keyring: Keyring,
    pub(crate) secrets: Secrets,
    pub(crate) default_chains: Arc<DefaultChains>,
    pub(crate) policy: policy::Policy,
    pub(crate) submit: submit::Submit,
    pub(crate) contracts: contracts::Contracts,
    pub(crate) index: index::Index,
    pub(crate) data: data::Data,
    pub(crate) streams: streams::Streams,
    pub(crate) workflow: workflow::Workflow,
}

/// Open the configured database. On SQLite the folder is created if it is missing.
pub(crate) async fn open_db(config: &Config) -> Result<Db> {
    let store = &config.store;
    let store_config = match store.engine {
        config::Engine::Sqlite => {
            if let Some(folder) = store
                .path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty())
            {
                std::fs::create_dir_all(folder)
                    .with_context(|| format!("cannot create {}", folder.display()))?;
            }
            store::Config::Sqlite {
                path: store.path.clone(),
                readers: store.readers,
            }
        }
        config::Engine::Postgres => store::Config::Postgres {
            url: store.url.clone(),
            writers: store.writers,
            readers: store.readers,
        },
    };
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) =
        (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    Ok(Db::open(store_config, clock, entropy, LeaseClock::Database).await?)
}

/// Acquire the partition that this process appends its own facts to.
pub(crate) async fn lease(db: &Db, config: &Config) -> Result<Lease> {
    let lease = db
        .lease_slot("api", API_SLOTS, config.store.lease_ms)
        .await?;
    lease.with_context(|| format!("{API_SLOTS} processes already use this database"))
}

/// Open the database and construct every engine.
pub(crate) async fn build(config: &Config) -> Result<Engines> {
    let source = key_files::source(config).map_err(Error::msg)?;
    let master = source().map_err(Error::msg)?;
    let db = open_db(config).await?;
    let lease = lease(&db, config).await?;
    let keyring = open_keyring(config, &db, &lease, master).await?;
    let permits = permit_signer(&db, &lease, &keyring).await?;
    let chains = connect(config, db.entropy())?;
    let default_chains = default_chains(&db, &chains).await?;
    let data = data(&db, &lease, &default_chains);
    let keys = keys(config, &db, &lease, &keyring, &permits);
    let secrets = secrets(config, &db, &lease, &keyring, source);
    let contracts = contracts(config, &db, &lease, &chains);
    let parts = policy::Parts {
        db: db.clone(),
        lease: lease.clone(),
        signer: permits,
        lookups: Arc::new(DataLookups::new(data.clone())),
        contracts: Arc::new(KnownContracts::new(contracts.clone(), data.clone())),
        api_keys: Arc::new(StoredApiKeys),
    };
    let policy = policy::Policy::new(parts, config.policy.clone());
    let policy = match Opa::new(&config.policy.opa)? {
        Some(opa) => policy.with_second_voice(Arc::new(opa)),
        None => policy,
    };
    let submit = submit::Submit::new(
        submit::Parts {
            db: db.clone(),
            lease: lease.clone(),
            keys: keys.clone(),
            policy: policy.clone(),
            contracts: contracts.clone(),
            chains: connectors(&chains),
        },
        config.submit.clone(),
    );
    let outbound = outbound(config)?;
    let parts = streams::Parts {
        db: db.clone(),
        lease: lease.clone(),
        expand: Arc::new(ChainEvents::new(db.clone())),
        outbound: outbound.clone(),
        keyring: keyring.clone(),
    };
    let streams = streams::Streams::new(parts, config.streams);
    let index = index(&db, &lease, &contracts);
    let parts = workflow::Parts {
        db: db.clone(),
        lease: lease.clone(),
        submit: submit.clone(),
        contracts: contracts.clone(),
        data: data.clone(),
        chains: default_chains.clone(),
        policy: policy.clone(),
        outbound,
        keyring: keyring.clone(),
    };
    let workflow = workflow::Workflow::sandboxed(parts, config.workflow, evaluators());
    Ok(Engines {
        db,
        lease,
        chains,
        keys,
        keyring,
        secrets,
        default_chains,
        policy,
        submit,
        contracts,
        index,
        data,
        streams,
        workflow,
    })
}

fn keys(
    config: &Config,
    db: &Db,
    lease: &Lease,
    keyring: &Keyring,
    permits: &policy::LocalSigner,
) -> keys::Keys {
    let parts = keys::Parts {
        db: db.clone(),
        lease: lease.clone(),
        keyring: keyring.clone(),
        policy_key: permits.public(),
        backends: Vec::new(),
    };
    keys::Keys::new(parts, config.keys.clone())
}

fn data(db: &Db, lease: &Lease, chains: &Arc<DefaultChains>) -> data::Data {
    data::Data::new(data::Parts {
        db: db.clone(),
        lease: lease.clone(),
        chains: chains.clone(),
    })
}

fn contracts(
    config: &Config,
    db: &Db,
    lease: &Lease,
    chains: &[(config::Chain, Arc<Evm>)],
) -> contracts::Contracts {
    let parts = contracts::Parts {
        db: db.clone(),
        lease: lease.clone(),
        chains: connectors(chains),
        references: Arc::new(ContractReferences),
    };
    contracts::Contracts::new(parts, config.contracts)
}

fn index(db: &Db, lease: &Lease, contracts: &contracts::Contracts) -> index::Index {
    index::Index::new(index::Parts {
        db: db.clone(),
        lease: lease.clone(),
        contracts: contracts.clone(),
    })
}

async fn open_keyring(
    config: &Config,
    db: &Db,
    lease: &Lease,
    master: MasterKey,
) -> Result<Keyring> {
    let keyring = secrets::open_keyring(db, lease, master).await;
    keyring.map_err(|error| Error::msg(key_files::hint(config, error.to_string())))
}

fn secrets(
    config: &Config,
    db: &Db,
    lease: &Lease,
    keyring: &Keyring,
    source: MasterSource,
) -> Secrets {
    let parts = secrets::Parts {
        db: db.clone(),
        lease: lease.clone(),
        keyring: keyring.clone(),
        master_source: Some(source),
    };
    let settings = match config.store.engine {
        // A single process, which already has the new data key.
        config::Engine::Sqlite => secrets::Settings { retire_delay_ms: 0 },
        config::Engine::Postgres => secrets::Settings::default(),
    };
    Secrets::new(parts, settings)
}

async fn permit_signer(
    db: &Db,
    lease: &Lease,
    keyring: &Keyring,
) -> Result<Arc<policy::LocalSigner>> {
    let signer = policy::LocalSigner::load_or_create(db, lease, keyring).await?;
    Ok(Arc::new(signer))
}

/// The command of an evaluator process: this program. `/proc/self/exe` names the running binary
/// even if the file was replaced during an upgrade.
fn evaluators() -> workflow::EvaluatorCommand {
    let self_exe = std::path::PathBuf::from("/proc/self/exe");
    let program = if self_exe.exists() {
        self_exe
    } else {
        std::env::current_exe().unwrap_or_else(|_| "florin".into())
    };
    workflow::EvaluatorCommand {
        program: program.into(),
        args: vec!["evaluate".into()],
    }
}

fn connectors(chains: &[(crate::config::Chain, Arc<Evm>)]) -> Vec<Arc<dyn Connector>> {
    let connectors = chains.iter().map(|(_, evm)| evm.clone());
    connectors.map(|evm| evm as Arc<dyn Connector>).collect()
}

fn connect(config: &Config, entropy: &Arc<dyn Entropy>) -> Result<Vec<(config::Chain, Arc<Evm>)>> {
    let mut chains = Vec::with_capacity(config.chains.len());
    for chain in &config.chains {
        let evm = Evm::new(chain.node.clone(), entropy.clone())?;
        chains.push((chain.clone(), Arc::new(evm)));
    }
    let mut names: Vec<String> = chains
        .iter()
        .map(|(_, evm)| evm.chain().to_string())
        .collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        bail!("chain {} is configured twice", pair[0]);
    }
    Ok(chains)
}

/// Load the default chain of each namespace.
async fn default_chains(
    db: &Db,
    chains: &[(config::Chain, Arc<Evm>)],
) -> Result<Arc<DefaultChains>> {
    let default_chains = DefaultChains::new(chains.iter().map(|(_, evm)| *evm.chain()).collect());
    crate::default_chains::load(db, &default_chains, NamespacesRevision::default()).await?;
    Ok(Arc::new(default_chains))
}

fn outbound(config: &Config) -> Result<Outbound> {
    let rule = |text: &String| -> Result<Rule> {
        let rule = text.parse().map_err(Error::msg);
        rule.with_context(|| format!("outbound.allow: {text:?}"))
    };
    let rules: Result<Vec<Rule>> = config.outbound.allow.iter().map(rule).collect();
    let settings = OutboundSettings::new(AddressPolicy::new(rules?));
    Ok(Outbound::new(OutboundSettings {
        connect_timeout_ms: config.outbound.connect_timeout_ms,
        ..settings
    })?)
}
