//! Bodies that a client may send back as it read them.

use crate::extract::Body;
use crate::{App, Error, Result};
use axum::extract::{FromRequest, Request};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, IntoDeserializer as _,
    MapAccess, Visitor,
};
use std::fmt;
use std::marker::PhantomData;

/// A JSON body. The members that only responses contain are accepted and ignored, so that a client
/// can send back what it read.
pub(crate) struct Resent<T>(pub(crate) T);

/// What creates or replaces a resource.
pub(crate) trait Input: DeserializeOwned {
    /// The members that only responses contain.
    const READ_ONLY: &'static [&'static str] = &["id", "created", "updated"];
}

impl<T: Input> FromRequest<App> for Resent<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let Body(Writable(input)) = Body::from_request(request, app).await?;
        Ok(Self(input))
    }
}

/// An input without the members that only responses contain.
struct Writable<T>(T);

impl<'de, T: Input> Deserialize<'de> for Writable<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        d.deserialize_map(ObjectVisitor(PhantomData)).map(Self)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Input> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> std::result::Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(WritableMembers {
            members,
            read_only: T::READ_ONLY,
        }))
    }
}

struct WritableMembers<A> {
    members: A,
    read_only: &'static [&'static str],
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WritableMembers<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        mut seed: K,
    ) -> std::result::Result<Option<K::Value>, A::Error> {
        loop {
            let read_only = self.read_only;
            match self.members.next_key_seed(NameSeed { seed, read_only })? {
                Some(Name::ReadOnly(unused)) => {
                    self.members.next_value::<IgnoredAny>()?;
                    seed = unused;
                }
                Some(Name::Writable(name)) => return Ok(Some(name)),
                None => return Ok(None),
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> std::result::Result<V::Value, A::Error> {
        self.members.next_value_seed(seed)
    }
}

/// Reads a name with another seed, unless it is that of a member to ignore.
struct NameSeed<K> {
    seed: K,
    read_only: &'static [&'static str],
}

enum Name<V, K> {
    Writable(V),
    /// The seed was not used.
    ReadOnly(K),
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for NameSeed<K> {
    type Value = Name<K::Value, K>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> std::result::Result<Self::Value, D::Error> {
        d.deserialize_identifier(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for NameSeed<K> {
    type Value = Name<K::Value, K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> std::result::Result<Self::Value, E> {
        if self.read_only.contains(&name) {
            Ok(Name::ReadOnly(self.seed))
        } else {
            let name = self.seed.deserialize(name.into_deserializer())?;
            Ok(Name::Writable(name))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::extract::from_json;
    use types::{Coded as _, Json};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Note {
        text: Json,
    }

    impl Input for Note {}

    fn read(text: &str) -> Result<Note> {
        from_json(text.as_bytes()).map(|Writable(note)| note)
    }

    #[test]
    fn read_only_members_are_ignored_and_values_keep_their_text() {
        let sent = r#"{"id":7,"text":{"n":1.10},"created":null,"updated":[{}]}"#;
        assert_eq!(read(sent).unwrap().text.as_str(), r#"{"n":1.10}"#);
    }

    #[test]
    fn an_error_names_the_member() {
        for (sent, field) in [
            (r#"{"text":1,"other":2}"#, "other"),
            (r#"{"text":1,"id":2,"text":3}"#, "body"),
            (r#"{"id":1}"#, "text"),
            ("[1]", "body"),
            ("7", "body"),
        ] {
            let error = read(sent).unwrap_err();
            assert_eq!(error.field().as_deref(), Some(field), "{sent}: {error}");
        }
    }
}
