//! Each handler declares its permission in its arguments: `principal: Authorized<WalletRead>`, or
//! `_: Public` for routes without authentication. `cargo xtask tidy` rejects a handler with
//! neither.

use super::api_key::authenticate;
use super::basic;
use crate::{App, Error};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use std::marker::PhantomData;
use std::ops::Deref;
use types::{Permission, Principal, TraceContext};

/// The permission that a route requires.
pub(crate) trait RequiresPermission: Send + Sync + 'static {
    /// The permission, named `object:action`.
    const PERMISSION: Permission;
}

/// A principal that is authenticated, belongs to the namespace in the path, and holds the
/// permission.
pub(crate) struct Authorized<N>(Principal, PhantomData<N>);

/// Marks a route that needs no API key, such as health checks and the OpenAPI document.
pub(crate) struct Public;

impl<N> Deref for Authorized<N> {
    type Target = Principal;
    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<N: RequiresPermission> FromRequestParts<App> for Authorized<N> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let principal = authenticate(app.db(), &api_key_text(parts)?).await?;
        let principal = principal.traced(parts.extensions.get::<TraceContext>().copied());
        if path_namespace(parts, app)
            .await?
            .is_some_and(|namespace| namespace != principal.namespace.as_str())
        {
            return Err(Error::NamespaceMismatch);
        }
        if principal.may(N::PERMISSION) {
            Ok(Self(principal, PhantomData))
        } else {
            Err(Error::Forbidden {
                permission: N::PERMISSION.0,
            })
        }
    }
}

impl FromRequestParts<App> for Public {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(_: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        Ok(Self)
    }
}

/// The API key in `Authorization: Bearer <key>`, or in Basic credentials as the password.
fn api_key_text(parts: &Parts) -> Result<String, Error> {
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

/// The namespace in the base path `/api/v1/namespaces/{namespace}/…`, if it has one.
async fn path_namespace(parts: &mut Parts, app: &App) -> Result<Option<String>, Error> {
    let not_utf8 = |_| Error::field("path", "not valid UTF-8");
    let parameters = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(not_utf8)?;
    Ok(parameters
        .iter()
        .find(|(name, _)| *name == "namespace")
        .map(|(_, value)| value.to_owned()))
}

/// Declares permissions: `permissions! { WalletRead = "wallet:read"; }`.
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl $crate::access::RequiresPermission for $name {
            const PERMISSION: types::Permission = types::Permission($text);
        }
    )*};
}
pub(crate) use permissions;
