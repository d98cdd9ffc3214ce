//! A route declares what it needs in its handler's arguments: `who: May<WalletRead>`, or `_: Open`
//! where nobody need say who he is. A handler with neither does not pass the check of routes.

use super::basic;
use super::key::authenticate;
use crate::{App, Error};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use std::marker::PhantomData;
use std::ops::Deref;
use types::{Permission, Principal};

/// The permission that a route needs.
pub trait Needs: Send + Sync + 'static {
    /// Its name, `object:action`.
    const PERMISSION: Permission;
}

/// Somebody who may do this: authenticated, and granted the permission in the namespace of the
/// path.
pub struct May<N>(Principal, PhantomData<N>);

/// A route for everybody: health, the API's description.
pub struct Open;

impl<N> Deref for May<N> {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<N: Needs> FromRequestParts<App> for May<N> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let who = authenticate(app.db(), &token(parts)?).await?;
        if named_namespace(parts, app)
            .await?
            .is_some_and(|named| named != who.namespace.as_str())
        {
            return Err(Error::OtherNamespace);
        }
        if who.may(N::PERMISSION) {
            Ok(Self(who, PhantomData))
        } else {
            Err(Error::Forbidden {
                permission: N::PERMISSION.0,
            })
        }
    }
}

impl FromRequestParts<App> for Open {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        Ok(Self)
    }
}

/// `Authorization: Bearer <key>`, or Basic with the key as password, as older clients send it.
fn token(parts: &Parts) -> Result<String, Error> {
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|header| header.to_str().ok());
    let (scheme, value) = header
        .and_then(|header| header.split_once(' '))
        .ok_or(Error::Unauthenticated)?;
    let value = value.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Ok(value.to_owned()),
        "basic" => basic::password(value).ok_or(Error::Unauthenticated),
        _ => Err(Error::Unauthenticated),
    }
}

/// The namespace that the base names: `/api/v1/namespaces/{namespace}/…`.
async fn named_namespace(parts: &mut Parts, app: &App) -> Result<Option<String>, Error> {
    let unreadable = |_| Error::field("path", "it is not UTF-8");
    let all = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(unreadable)?;
    Ok(all
        .iter()
        .find(|(name, _)| *name == "namespace")
        .map(|(_, value)| value.to_owned()))
}

/// Declares permissions: `permissions! { WalletRead = "wallet:read"; }`.
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl $crate::access::Needs for $name {
            const PERMISSION: types::Permission = types::Permission($text);
        }
    )*};
}
pub(crate) use permissions;
