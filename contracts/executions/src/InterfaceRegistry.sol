// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What ERC-777 needs of the registry of ERC-1820: who implements an interface for an account.
contract InterfaceRegistry {
    mapping(address account => mapping(bytes32 hash => address)) private _implementers;

    function getInterfaceImplementer(address account, bytes32 hash) external view returns (address) {
        return _implementers[account][hash];
    }

    function setInterfaceImplementer(address account, bytes32 hash, address implementer) external {
        _implementers[account == address(0) ? msg.sender : account][hash] = implementer;
    }
}
