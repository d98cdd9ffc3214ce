//! What feeding a listener achieved.

/// What a listener has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReadMark {
    pub(super) version: u64,
    /// A fingerprint of what there was to read; it changes when there is more.
    pub(super) fingerprint: String,
}

pub(super) struct FeedOutcome {
    /// Number of delivered events.
    pub(super) delivered: usize,
    /// Set if nothing is left to read.
    pub(super) mark: Option<ReadMark>,
}

impl FeedOutcome {
    /// Nothing was read.
    pub(super) fn idle(mark: Option<&ReadMark>) -> Self {
        Self {
            delivered: 0,
            mark: mark.cloned(),
        }
    }
}
