// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A fungible real-world asset (ERC-7943).
contract RestrictedToken is ERC20, AccessControl {
    bytes32 public constant ENFORCER_ROLE = keccak256("ENFORCER_ROLE");

    error NotTransferable(address from, address to, uint256 amount);

    event ForcedTransfer(address indexed from, address indexed to, uint256 amount);
    event Frozen(address indexed account, uint256 amount);

    mapping(address account => uint256) private _frozen;

    constructor(address admin) ERC20("Restricted token", "RWA") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(ENFORCER_ROLE, admin);
    }

    function mint(address to, uint256 amount) external onlyRole(ENFORCER_ROLE) {
        _mint(to, amount);
    }

    function forcedTransfer(address from, address to, uint256 amount)
        external
        onlyRole(ENFORCER_ROLE)
        returns (bool)
    {
        super._update(from, to, amount);
        if (_frozen[from] > balanceOf(from)) _freeze(from, balanceOf(from));
        emit ForcedTransfer(from, to, amount);
        return true;
    }

    function setFrozenTokens(address account, uint256 amount) external onlyRole(ENFORCER_ROLE) returns (bool) {
        _freeze(account, amount);
        return true;
    }

    function getFrozenTokens(address account) external view returns (uint256) {
        return _frozen[account];
    }

    function canTransfer(address from, address to, uint256 amount) public view returns (bool) {
        return from != to && amount + _frozen[from] <= balanceOf(from);
    }

    function supportsInterface(bytes4 id) public view override returns (bool) {
        return id == 0x3edbb4c4 || super.supportsInterface(id);
    }

    function _freeze(address account, uint256 amount) private {
        _frozen[account] = amount;
        emit Frozen(account, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from != address(0) && !canTransfer(from, to, amount)) revert NotTransferable(from, to, amount);
        super._update(from, to, amount);
    }
}
