// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title A token with approvals by signature (ERC-2612). The holder has all of it.
contract PermitToken is ERC20, ERC20Permit {
    constructor(address holder, uint256 supply) ERC20("Permit Token", "PRM") ERC20Permit("Permit Token") {
        _mint(holder, supply);
    }
}
