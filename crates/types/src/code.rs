//! Stable error codes: every public error has one, a page in `docs/errors/`, and says whether to
//! retry.

/// Whether the same call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Never, unless the call changes.
    Never,
    /// Later, as it is.
    Later,
}

/// A stable error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// `crate.what_is_wrong`.
    pub code: &'static str,
    /// The HTTP status it is told with.
    pub status: u16,
    /// Whether to try again.
    pub retry: Retry,
}

/// An error that has a code.
pub trait Coded: std::error::Error {
    /// The code of this error.
    fn code(&self) -> Code;

    /// The input field that is at fault, as a path such as `transfers[0].amount`.
    fn field(&self) -> Option<String> {
        None
    }
}

/// Gives an error enum its codes: `codes! { Error { Self::X { .. } => ("crate.x", 404, Never), }
/// }`.
///
/// Variants that wrap another coded error say `Self::Y(inner) => inner` and take its code. The list
/// of the enum's own codes is `Error::CODES`, which the check of error pages reads.
#[macro_export]
macro_rules! codes {
    ($error:ident {
        $($pattern:pat => ($code:literal, $status:literal, $retry:ident),)*
        $(; $($inner_pattern:pat => $inner:expr,)*)?
    }) => {
        impl $error {
            /// Every code of this enum's own.
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
