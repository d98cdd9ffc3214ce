// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Reads many values of accounts in one call. What reverts, or does not exist, is empty.
contract Probe {
    /// A call without data reads the balance of the account in the chain's coin, and the hash of its code.
    function read(address[] calldata targets, bytes[] calldata calls) external view returns (bytes[] memory results) {
        results = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            address target = targets[i];
            if (calls[i].length == 0) {
                results[i] = abi.encode(target.balance, target.code.length == 0 ? bytes32(0) : target.codehash);
            } else if (target.code.length > 0) {
                (bool succeeded, bytes memory result) = target.staticcall{gas: 300_000}(calls[i]);
                if (succeeded) results[i] = result;
            }
        }
    }
}
