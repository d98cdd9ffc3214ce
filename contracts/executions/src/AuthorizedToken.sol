// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20TransferAuthorization} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20TransferAuthorization.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title A fungible token that moves by signed authorizations (ERC-3009), whose nonces count.
contract AuthorizedToken is ERC20TransferAuthorization {
    constructor(address holder) ERC20("Authorized token", "AUTH") EIP712("Authorized token", "1") {
        _mint(holder, 1_000_000);
    }
}
