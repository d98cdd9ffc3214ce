// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token for benchmarks: thousands of transfers in one transaction, around a ring of addresses.
contract BurstToken is ERC20("Burst", "BURST") {
    uint160 private constant FIRST = 1 << 156;

    /// The address at an index of the ring.
    function member(uint256 place) public pure returns (address) {
        return address(FIRST + uint160(place));
    }

    /// Mint to the indexes `start` to `start + n - 1`.
    function fill(uint256 start, uint256 n, uint256 amount) external {
        for (uint256 i = start; i < start + n; ++i) _mint(member(i), amount);
    }

    /// `n` transfers of one unit, each from an index to the next, starting at `start`, around a ring of `ring` addresses.
    function burst(uint256 start, uint256 n, uint256 ring) external {
        for (uint256 i = start; i < start + n; ++i) _transfer(member(i % ring), member((i + 1) % ring), 1);
    }
}
