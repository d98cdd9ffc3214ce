// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Calls in its own name, with the calls of Multicall3.
contract Batcher {
    struct Call {
        address target;
        bool allowFailure;
        bytes data;
    }

    struct PaidCall {
        address target;
        bool allowFailure;
        uint256 value;
        bytes data;
    }

    error Failed(uint256 index);

    function aggregate3(Call[] calldata calls) external payable {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool succeeded,) = calls[i].target.call(calls[i].data);
            if (!succeeded && !calls[i].allowFailure) revert Failed(i);
        }
    }

    function aggregate3Value(PaidCall[] calldata calls) external payable {
        for (uint256 i = 0; i < calls.length; ++i) {
            (bool succeeded,) = calls[i].target.call{value: calls[i].value}(calls[i].data);
            if (!succeeded && !calls[i].allowFailure) revert Failed(i);
        }
    }
}
