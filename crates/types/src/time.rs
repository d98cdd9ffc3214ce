//! Timestamps in microseconds since 1970 UTC. In JSON, RFC 3339 with microseconds.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// A timestamp: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time {
    micros: i64,
}

/// Why a text is not a valid time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 time such as 2026-01-31T09:30:00Z")]
pub struct TimeError;

impl Time {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Time = Time { micros: 0 };

    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self { micros }
    }

    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self::from_micros(millis.saturating_mul(1_000))
    }

    /// From seconds since 1970, as in block headers.
    pub const fn from_secs(secs: i64) -> Self {
        Self::from_micros(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.micros
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.micros().div_euclid(1_000)
    }

    /// Seconds since 1970.
    pub const fn secs(self) -> i64 {
        self.micros().div_euclid(1_000_000)
    }

    /// This time plus some milliseconds.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self::from_micros(self.micros().saturating_add(millis.saturating_mul(1_000)))
    }

    /// Milliseconds from `earlier` to this time; negative if `earlier` is later.
    pub const fn millis_since(self, earlier: Time) -> i64 {
        self.micros()
            .saturating_sub(earlier.micros())
            .div_euclid(1_000)
    }
}

crate::debug_as_text!(Time);
crate::serde_as_text!(Time);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let format = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z"
        );
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.micros()) * 1_000)
            .ok()
            .and_then(|at| at.format(&format).ok());
        match text {
            Some(text) => f.write_str(&text),
            None => write!(f, "{}us", self.micros()),
        }
    }
}

impl std::str::FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let at = OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| TimeError)?
            .to_offset(UtcOffset::UTC);
        i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000))
            .map(Self::from_micros)
            .map_err(|_| TimeError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_rfc_3339() {
        let at = Time::from_micros(1_700_000_000_123_456);
        assert_eq!(at.to_string(), "2023-11-14T22:13:20.123456Z");
        assert_eq!(at.to_string().parse::<Time>(), Ok(at));
        assert_eq!("2023-11-14T23:13:20.123456+01:00".parse::<Time>(), Ok(at));
        assert_eq!("yesterday".parse::<Time>(), Err(TimeError));
    }
}
