//! EVM: the pure half.
