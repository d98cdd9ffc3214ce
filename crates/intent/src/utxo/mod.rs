//! Chains of coins: the pure half.
