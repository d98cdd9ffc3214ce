//! Derivation paths (BIP-32, BIP-44): `m/44'/60'/0'/0`.

use super::HARDENED;
use crate::Error;
use std::fmt;

/// The longest accepted path; BIP-44 has five steps.
const MAX_STEPS: usize = 10;
/// The placeholder of the account in a template.
const ACCOUNT: &str = "{account}";

/// A derivation path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Path(Vec<u32>);

/// A path with a placeholder for the account: `m/44'/60'/{account}'/0`. The last step is not
/// hardened, so that addresses can be derived from its public node. The account is hardened, so
/// that no key of one account reveals anything about another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template(String);

impl Path {
    /// The child numbers, hardened from 2^31 on.
    pub(crate) fn numbers(&self) -> &[u32] {
        &self.0
    }
}

impl Template {
    /// Parse a template. Errors: [`Error::InvalidPath`].
    pub fn parse(text: &str) -> crate::Result<Self> {
        let template = Self(text.to_owned());
        let hardened = text.contains("{account}'") || text.contains("{account}h");
        match template.path(0) {
            Ok(Path(steps)) if hardened && steps.last().is_some_and(|last| *last < HARDENED) => {
                Ok(template)
            }
            _ => Err(Error::InvalidPath {
                text: text.to_owned(),
            }),
        }
    }

    /// The path of an account.
    pub(crate) fn path(&self, account: u32) -> crate::Result<Path> {
        self.0.replace(ACCOUNT, &account.to_string()).parse()
    }
}

impl std::str::FromStr for Path {
    type Err = Error;

    /// `m`, then `/` and a number for each step, hardened with `'` or `h`.
    fn from_str(text: &str) -> crate::Result<Self> {
        let wrong = || Error::InvalidPath {
            text: text.chars().take(100).collect(),
        };
        let rest = text.strip_prefix('m').ok_or_else(wrong)?;
        let steps = rest
            .split('/')
            .skip(1)
            .map(step)
            .collect::<Option<Vec<_>>>();
        match steps {
            Some(steps)
                if steps.len() <= MAX_STEPS && (rest.is_empty() || rest.starts_with('/')) =>
            {
                Ok(Self(steps))
            }
            _ => Err(wrong()),
        }
    }
}

fn step(text: &str) -> Option<u32> {
    let plain = text.strip_suffix('\'').or_else(|| text.strip_suffix('h'));
    let digits = plain.unwrap_or(text);
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    let number: u32 = digits
        .parse()
        .ok()
        .filter(|number| canonical && *number < HARDENED)?;
    Some(if plain.is_some() {
        number + HARDENED
    } else {
        number
    })
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("m")?;
        self.0.iter().try_for_each(|number| match number {
            HARDENED.. => write!(f, "/{}'", number - HARDENED),
            _ => write!(f, "/{number}"),
        })
    }
}
