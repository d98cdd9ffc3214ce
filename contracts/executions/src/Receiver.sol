// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title A receiver of tokens that acts on the data it gets: `abi.encode(token, from, to, amount)` pulls an allowance.
/// @notice Without data it keeps what it gets, or passes a token on.
contract Receiver {
    address public beneficiary;

    function passOn(address to) external {
        beneficiary = to;
    }

    function onTokenTransfer(address, uint256, bytes calldata data) external {
        _pull(data);
    }

    function tokenReceived(address, uint256, bytes calldata data) external {
        _pull(data);
    }

    function onTransferReceived(address, address, uint256, bytes calldata data) external returns (bytes4) {
        _pull(data);
        return this.onTransferReceived.selector;
    }

    function onApprovalReceived(address, uint256, bytes calldata data) external returns (bytes4) {
        _pull(data);
        return this.onApprovalReceived.selector;
    }

    function onERC721Received(address, address, uint256, bytes calldata data) external returns (bytes4) {
        _pull(data);
        return this.onERC721Received.selector;
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata data) external returns (bytes4) {
        _pull(data);
        return this.onERC1155Received.selector;
    }

    function _pull(bytes calldata data) private {
        if (data.length == 0) {
            if (beneficiary != address(0)) _pass(IERC20(msg.sender));
            return;
        }
        (IERC20 token, address from, address to, uint256 amount) =
            abi.decode(data, (IERC20, address, address, uint256));
        token.transferFrom(from, to, amount);
    }

    function _pass(IERC20 token) private {
        token.transfer(beneficiary, token.balanceOf(address(this)));
    }
}
