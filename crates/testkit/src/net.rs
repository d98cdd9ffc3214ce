//! Ports on the loopback interface.

use std::net::{Ipv4Addr, TcpListener};

/// A TCP port of 127.0.0.1 that is free at the time of the call. Another process may take it: check
/// that your child is alive, and retry with another port.
///
/// # Panics
/// If no port is free.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on 127.0.0.1");
    listener
        .local_addr()
        .expect("the address of a bound listener")
        .port()
}
