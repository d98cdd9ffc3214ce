//! Stable error codes: every public error has one, with a page in `docs/errors/` and a retry rule.

/// Whether the same call can succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Never, unless the call changes.
    Never,
    /// Later, without changes.
    Later,
}

/// A stable error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// `crate.reason`, such as `store.fenced`.
    pub code: &'static str,
    /// The HTTP status of the response.
    pub status: u16,
    pub retry: Retry,
}

/// An error that has a code.
pub trait Coded: std::error::Error {
    /// The code of this error.
    fn code(&self) -> Code;

    /// The path of the invalid input field, such as `transfers[0].amount`.
    fn field(&self) -> Option<String> {
        None
    }
}

/// Gives an error enum its codes: `codes! { Error { Self::X { .. } => ("crate.x", 404, Never), }
/// }`.
///
/// Variants that wrap another coded error are listed as `Self::Y(inner) => inner` and take its
/// code. `Error::CODES` lists the enum's own codes; the check of error pages reads it.
#[macro_export]
macro_rules! codes {
    ($error:ident {
        $($pattern:pat => ($code:literal, $status:literal, $retry:ident),)*
        $(; $($inner_pattern:pat => $inner:expr,)*)?
    }) => {
        impl $error {
            /// All codes of this enum, without those of wrapped errors.
            pub const CODES: &'static [$crate::Code] = &[
                $($crate::Code { code: $code, status: $status, retry: $crate::Retry::$retry },)*
            ];

            fn own_code(&self) -> $crate::Code {
                match self {
                    $($pattern => $crate::Code { code: $code, status: $status, retry: $crate::Retry::$retry },)*
                    $($($inner_pattern => $crate::Coded::code($inner),)*)?
                }
            }
        }
    };
}
