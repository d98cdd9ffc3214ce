// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token whose transfers may call the receiver (ERC-677), and whose minters have a role.
/// @notice `transferAndCall` moves tokens like `transfer`: a policy that reads only `transfer` would miss it.
contract DemoCallToken is ERC20, AccessControl {
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    event Transfer(address indexed from, address indexed to, uint256 value, bytes data);

    constructor(string memory name_, string memory symbol_, address issuer) ERC20(name_, symbol_) {
        _grantRole(DEFAULT_ADMIN_ROLE, issuer);
        _grantRole(MINTER_ROLE, issuer);
    }

    function mint(address to, uint256 amount) external onlyRole(MINTER_ROLE) {
        _mint(to, amount);
    }

    /// Transfers, and calls the receiver if it is a contract.
    function transferAndCall(address to, uint256 value, bytes calldata data) external returns (bool) {
        _transfer(msg.sender, to, value);
        emit Transfer(msg.sender, to, value, data);
        if (to.code.length > 0) IReceiver(to).onTokenTransfer(msg.sender, value, data);
        return true;
    }
}

interface IReceiver {
    function onTokenTransfer(address sender, uint256 value, bytes calldata data) external;
}
