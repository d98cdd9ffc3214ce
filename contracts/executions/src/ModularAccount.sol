// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccountERC7579} from "@openzeppelin/contracts/account/extensions/draft-AccountERC7579.sol";

/// @title Code for an account with a key (EIP-7702): modules and batches (ERC-7579), and the batches of older accounts.
contract ModularAccount is AccountERC7579 {
    struct Call {
        address target;
        uint256 value;
        bytes data;
    }

    function executeBatch(address[] calldata targets, bytes[] calldata data) external onlyEntryPointOrSelf {
        for (uint256 i = 0; i < targets.length; ++i) _run(targets[i], 0, data[i]);
    }

    function executeBatch(address[] calldata targets, uint256[] calldata values, bytes[] calldata data)
        external
        onlyEntryPointOrSelf
    {
        for (uint256 i = 0; i < targets.length; ++i) _run(targets[i], values[i], data[i]);
    }

    function execute(Call[] calldata calls) external onlyEntryPointOrSelf {
        for (uint256 i = 0; i < calls.length; ++i) _run(calls[i].target, calls[i].value, calls[i].data);
    }

    function _run(address target, uint256 value, bytes calldata data) private {
        (bool succeeded,) = target.call{value: value}(data);
        require(succeeded);
    }
}
