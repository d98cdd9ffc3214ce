// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A module of a modular account (ERC-7579), of any type.
contract AccountModule {
    function onInstall(bytes calldata) external {}

    function onUninstall(bytes calldata) external {}

    function isModuleType(uint256) external pure returns (bool) {
        return true;
    }
}
