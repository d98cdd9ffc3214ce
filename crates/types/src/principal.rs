//! Principals: who makes a call. An argument of every verb and the actor of every fact.

use crate::{Namespace, TraceContext};
use serde::{Deserialize, Serialize};

/// The kind of a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    Person,
    /// A client program.
    Service,
    /// Used in exchanges between organisations.
    Organisation,
    /// A worker of Florin.
    System,
}

/// A named set of permissions that can be granted to a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read everything in the namespace.
    Reader,
    /// Run tasks, submit, write the data model, manage subscriptions.
    Operator,
    /// Write policies and read decisions; cannot submit.
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
    /// The trace that the call belongs to. The caller chooses it, so it decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
}

impl Principal {
    /// A worker of Florin acting in a namespace.
    pub fn system(worker: &str, namespace: Namespace) -> Self {
        Self {
            id: format!("system/{worker}"),
            kind: PrincipalKind::System,
            namespace,
            roles: Vec::new(),
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
    pub fn may(&self, Permission(permission): Permission) -> bool {
        let (object, action) = permission.split_once(':').unwrap_or((permission, ""));
        if (object, action) == ("key", "export") {
            return self.roles.contains(&Role::KeyExporter);
        }
        self.kind == PrincipalKind::System
            || self.roles.iter().any(|role| role.grants(object, action))
    }
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 5] = [
        Role::Reader,
        Role::Operator,
        Role::Controller,
        Role::Admin,
        Role::KeyExporter,
    ];

    fn grants(self, object: &str, action: &str) -> bool {
        const OPERATOR_OBJECTS: [&str; 8] = [
            "submission",
            "task",
            "run",
            "data",
            "listener",
            "subscription",
            "contract",
            "variables",
        ];
        match self {
            Role::Admin => true,
            Role::Reader => action == "read",
            Role::Operator => {
                action == "read"
                    || OPERATOR_OBJECTS.contains(&object)
                    || (object, action) == ("wallet", "derive")
            }
            Role::Controller => {
                action == "read" || object == "policy" || (object, action) == ("wallet", "freeze")
            }
            Role::KeyExporter => false,
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "reader" => Ok(Role::Reader),
            "operator" => Ok(Role::Operator),
            "controller" => Ok(Role::Controller),
            "admin" => Ok(Role::Admin),
            "keyexporter" => Ok(Role::KeyExporter),
            _ => Err("expected one of reader, operator, controller, admin, keyexporter".to_owned()),
        }
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
            trace: None,
        }
    }

    #[test]
    fn only_a_key_exporter_exports_keys() {
        let export = Permission("key:export");
        for role in Role::ALL {
            assert_eq!(with(role).may(export), role == Role::KeyExporter);
        }
        assert!(!Principal::system("w", "ns".parse().expect("a valid namespace")).may(export));
    }

    #[test]
    fn a_controller_cannot_submit() {
        assert!(with(Role::Controller).may(Permission("policy:write")));
        assert!(!with(Role::Controller).may(Permission("submission:create")));
        assert!(with(Role::Operator).may(Permission("submission:create")));
        assert!(!with(Role::Operator).may(Permission("policy:write")));
        assert!(!with(Role::Reader).may(Permission("data:write")));
    }
}
