// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

interface ITokenReceiver {
    function onTokenTransfer(address from, uint256 amount, bytes calldata data) external;
    function tokenReceived(address from, uint256 amount, bytes calldata data) external;
}

/// @title A fungible token whose transfers with data call the receiver (ERC-677, and ERC-223's `transfer` with data).
contract CallingToken is ERC20 {
    constructor(address holder) ERC20("Calling token", "CALL") {
        _mint(holder, 1_000_000);
    }

    function transferAndCall(address to, uint256 amount, bytes calldata data) external returns (bool) {
        _transfer(msg.sender, to, amount);
        if (to.code.length > 0) ITokenReceiver(to).onTokenTransfer(msg.sender, amount, data);
        return true;
    }

    function transfer(address to, uint256 amount, bytes calldata data) external returns (bool) {
        _transfer(msg.sender, to, amount);
        if (to.code.length > 0) ITokenReceiver(to).tokenReceived(msg.sender, amount, data);
        return true;
    }
}
