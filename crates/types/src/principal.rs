//! Principals: who makes a call. An argument of every verb and the actor of every fact.

use crate::{ApiKeyId, Namespace, TraceContext};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// The kind of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    Person,
    /// A client program.
    Service,
    /// Used in exchanges between organizations.
    Organisation,
    /// A worker of Florin.
    System,
}

/// A named set of permissions that can be granted to a principal.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// Read everything in the namespace.
    Reader,
    /// Run tasks, submit, write the data model, manage subscriptions.
    Operator,
    /// Write policies and the contract registry, and read decisions; cannot submit.
    Controller,
    /// Create and import keys, freeze, issue API keys; everything in the namespace except exporting
    /// keys.
    Admin,
    /// Export a key, where the configuration allows it.
    KeyExporter,
}

/// A permission that a route or verb requires, as `object:action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permission(pub &'static str);

/// The identity that makes a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The name recorded in facts and decisions.
    pub id: String,
    pub kind: PrincipalKind,
    /// The namespace that it is limited to.
    pub namespace: Namespace,
    /// What it may do in that namespace.
    pub roles: Vec<Role>,
    /// The API key that it was authenticated by; workers of Florin have none. Keys may share a
    /// name, so that only this tells them apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ApiKeyId>,
    /// Those who wrote or caused what is done in its name, in the order in which they were added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain_of: Vec<Cause>,
    /// The trace that the call belongs to. The caller chooses it, so it decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
}

/// Who wrote a definition, as recorded when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The name recorded in facts and decisions.
    pub id: String,
    pub kind: PrincipalKind,
    /// The API key; none for workers of Florin, and where it was not recorded.
    #[serde(default)]
    pub key: Option<ApiKeyId>,
    /// What it was allowed to do then.
    pub roles: Vec<Role>,
}

/// How an author or another caller takes part in what a principal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// It wrote the version of the task.
    Task,
    /// It wrote the listener.
    Listener,
    /// It had a failed or interrupted step done again.
    Retry,
}

/// One who wrote or caused what is done in a principal's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    #[serde(flatten)]
    pub author: Author,
    pub via: Via,
}

impl Author {
    /// An author of whom only the name was recorded. Nothing is permitted in its name.
    pub fn unrecorded(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: PrincipalKind::Service,
            key: None,
            roles: Vec::new(),
        }
    }
}

impl From<&Principal> for Author {
    fn from(principal: &Principal) -> Self {
        Self {
            id: principal.id.clone(),
            kind: principal.kind,
            key: principal.key,
            roles: principal.roles.clone(),
        }
    }
}

impl Principal {
    /// What an author does by a definition that acts by itself: in the author's own name.
    pub fn author(author: Author, namespace: Namespace, via: Via) -> Self {
        Self {
            id: author.id.clone(),
            kind: author.kind,
            namespace,
            roles: author.roles.clone(),
            key: author.key,
            chain_of: vec![Cause { author, via }],
            trace: None,
        }
    }

    /// The same principal, with another who wrote or caused what is done in its name. One that is
    /// in the chain already is not added again.
    #[must_use]
    pub fn because_of(mut self, author: Author, via: Via) -> Self {
        let cause = Cause { author, via };
        if !self.chain_of.contains(&cause) {
            self.chain_of.push(cause);
        }
        self
    }

    /// A worker of Florin acting in a namespace.
    pub fn system(worker: &str, namespace: Namespace) -> Self {
        Self {
            id: format!("system/{worker}"),
            kind: PrincipalKind::System,
            namespace,
            roles: Vec::new(),
            key: None,
            chain_of: Vec::new(),
            trace: None,
        }
    }

    /// The same principal, within a trace.
    #[must_use]
    pub fn traced(mut self, trace: Option<TraceContext>) -> Self {
        self.trace = trace;
        self
    }

    /// Whether one of the roles grants the permission. Workers have every permission except
    /// exporting keys.
    pub fn may(&self, permission: Permission) -> bool {
        let by_role = self.roles.iter().any(|role| role.grants(permission));
        by_role || (self.kind == PrincipalKind::System && permission.0 != "key:export")
    }
}

impl Role {
    /// All roles.
    pub const ALL: &[Role] = Self::VARIANTS;

    /// The name in requests, configuration and documents.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether the role grants the permission by itself.
    pub fn grants(self, Permission(permission): Permission) -> bool {
        const OPERATOR_OBJECTS: [&str; 8] = [
            "submission",
            "signature",
            "task",
            "run",
            "data",
            "listener",
            "subscription",
            "variables",
        ];
        if permission == "key:export" {
            return self == Role::KeyExporter;
        }
        let (object, action) = permission.split_once(':').unwrap_or((permission, ""));
        match self {
            Role::Admin => true,
            Role::Reader => action == "read",
            Role::Operator => {
                action == "read"
                    || OPERATOR_OBJECTS.contains(&object)
                    || matches!(
                        (object, action),
                        ("wallet", "derive") | ("contract", "query")
                    )
            }
            Role::Controller => {
                action == "read"
                    || ["policy", "list"].contains(&object)
                    || matches!(
                        (object, action),
                        ("wallet", "freeze") | ("contract", "write")
                    )
            }
            Role::KeyExporter => false,
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Role::ALL.iter().find(|role| role.as_str() == text);
        named.copied().ok_or_else(|| {
            let names: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
            format!("expected one of {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(role: Role) -> Principal {
        Principal {
            id: "t".into(),
            kind: PrincipalKind::Service,
            namespace: "ns".parse().expect("a valid namespace"),
            roles: vec![role],
            key: None,
            chain_of: Vec::new(),
            trace: None,
        }
    }

    #[test]
    fn only_a_key_exporter_exports_keys() {
        let export = Permission("key:export");
        for &role in Role::ALL {
            assert_eq!(with(role).may(export), role == Role::KeyExporter);
        }
        assert!(!Principal::system("w", "ns".parse().expect("a valid namespace")).may(export));
    }

    #[test]
    fn the_text_of_a_role_is_that_of_its_json() {
        for &role in Role::ALL {
            let text: &str = role.into();
            assert_eq!(serde_json::to_value(role).ok(), Some(text.into()));
            assert_eq!(text.parse(), Ok(role));
        }
        let unknown = "root".parse::<Role>();
        assert!(unknown.is_err_and(|error| error.contains("reader, operator")));
    }

    #[test]
    fn a_controller_cannot_submit() {
        assert!(with(Role::Controller).may(Permission("policy:write")));
        assert!(!with(Role::Controller).may(Permission("submission:create")));
        assert!(with(Role::Operator).may(Permission("submission:create")));
        assert!(!with(Role::Controller).may(Permission("signature:create")));
        assert!(with(Role::Operator).may(Permission("signature:create")));
        assert!(!with(Role::Operator).may(Permission("policy:write")));
        assert!(with(Role::Controller).may(Permission("list:write")));
        assert!(!with(Role::Operator).may(Permission("list:write")));
        assert!(!with(Role::Reader).may(Permission("data:write")));
    }

    #[test]
    fn only_a_controller_writes_the_contract_registry() {
        let write = Permission("contract:write");
        for role in [Role::Reader, Role::Operator, Role::KeyExporter] {
            assert!(!with(role).may(write), "{}", role.as_str());
        }
        assert!(with(Role::Controller).may(write) && with(Role::Admin).may(write));
        assert!(with(Role::Operator).may(Permission("contract:query")));
    }

    #[test]
    fn a_role_has_the_same_name_in_text_and_json() {
        for &role in Role::ALL {
            let json = serde_json::to_value(role).expect("JSON");
            assert_eq!(json.as_str(), Some(role.as_str()));
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        let error = "root".parse::<Role>().expect_err("no role");
        let expected = "expected one of reader, operator, controller, admin, keyexporter";
        assert_eq!(error, expected);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "reads files of the repository")]
    fn the_input_schema_and_the_documentation_list_the_roles() {
        let read = |path: &str| {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
            std::fs::read_to_string(format!("{root}{path}")).expect("a file of the repository")
        };
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();

        let schema: serde_json::Value =
            serde_json::from_str(&read("policies/input.schema.json")).expect("JSON");
        let in_schema = &schema["$defs"]["roles"]["items"]["enum"];
        assert_eq!(*in_schema, serde_json::json!(names));

        let page = read("docs/api.md");
        let (_, table) = page
            .split_once("| role | permissions |\n|---|---|\n")
            .expect("the page has the table of roles");
        let rows = table.lines().take_while(|line| line.starts_with('|'));
        let in_page: Vec<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
        assert_eq!(in_page, names);
    }
}
