// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC7821} from "@openzeppelin/contracts/account/extensions/draft-ERC7821.sol";

/// @title Code for an account with a key (EIP-7702): it runs batches that the account sends to itself (ERC-7821).
contract Delegate is ERC7821 {
    receive() external payable {}
}
