//! Ports on the loopback interface.

use std::net::{Ipv4Addr, TcpListener};

/// A TCP port of 127.0.0.1 that was free a moment ago. Another process may take it: start, look
/// whether your child lives, and try again with another.
///
/// # Panics
/// If the machine has no free port.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on 127.0.0.1");
    listener
        .local_addr()
        .expect("the address of a bound listener")
        .port()
}
