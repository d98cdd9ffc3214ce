//! Who asks: the argument of every verb and the actor of every fact.

use crate::Namespace;
use serde::{Deserialize, Serialize};

/// What sort of being asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A human being.
    Person,
    /// A program of the user's.
    Service,
    /// An organisation, in exchanges between organisations.
    Organisation,
    /// Florin itself: its workers.
    System,
}

/// What a principal may do, in the words that people grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read everything in the namespace.
    Reader,
    /// Run tasks, submit, write the data model, manage subscriptions.
    Operator,
    /// Write policies and read decisions; may not submit.
    Controller,
    /// Make and import keys, freeze, hand out API keys; everything in the namespace but export of
    /// keys.
    Admin,
    /// Export a key, where the configuration allows it at all.
    KeyExporter,
}

/// A permission that a route or a verb needs: `object:action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permission(pub &'static str);

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The name under which facts and decisions show it.
    pub id: String,
    /// What sort of being it is.
    pub kind: Kind,
    /// The namespace it is bound to.
    pub namespace: Namespace,
    /// What it may do there.
    pub roles: Vec<Role>,
}

impl Principal {
    /// A worker of Florin's that acts in a namespace.
    pub fn system(worker: &str, namespace: Namespace) -> Self {
        Self {
            id: format!("system/{worker}"),
            kind: Kind::System,
            namespace,
            roles: Vec::new(),
        }
    }

    /// Whether one of the roles grants the permission. Workers hold every permission but the export
    /// of keys.
    pub fn may(&self, permission: Permission) -> bool {
        let (object, action) = permission.0.split_once(':').unwrap_or((permission.0, ""));
        if (object, action) == ("key", "export") {
            return self.roles.contains(&Role::KeyExporter);
        }
        self.kind == Kind::System || self.roles.iter().any(|role| role.grants(object, action))
    }
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 5] = [
        Role::Reader,
        Role::Operator,
        Role::Controller,
        Role::Admin,
        Role::KeyExporter,
    ];

    fn grants(self, object: &str, action: &str) -> bool {
        const OPERATED: [&str; 8] = [
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
                    || OPERATED.contains(&object)
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
            kind: Kind::Service,
            namespace: "ns".parse().expect("legal"),
            roles: vec![role],
        }
    }

    #[test]
    fn nobody_exports_keys_by_another_role() {
        let export = Permission("key:export");
        for role in Role::ALL {
            assert_eq!(with(role).may(export), role == Role::KeyExporter);
        }
        assert!(!Principal::system("w", "ns".parse().expect("legal")).may(export));
    }

    #[test]
    fn who_writes_policy_does_not_submit() {
        assert!(with(Role::Controller).may(Permission("policy:write")));
        assert!(!with(Role::Controller).may(Permission("submission:create")));
        assert!(with(Role::Operator).may(Permission("submission:create")));
        assert!(!with(Role::Operator).may(Permission("policy:write")));
        assert!(!with(Role::Reader).may(Permission("data:write")));
    }
}
