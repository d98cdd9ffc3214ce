// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControlDefaultAdminRules} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A fungible token whose administrator is replaced in two steps.
contract GuardedToken is ERC20, AccessControlDefaultAdminRules {
    constructor(address admin) ERC20("Guarded token", "GRD") AccessControlDefaultAdminRules(0, admin) {}
}
