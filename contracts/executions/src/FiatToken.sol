// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title A fungible token with the calls of USDC.
contract FiatToken is ERC20Pausable, Ownable {
    error NotAllowed();

    address public masterMinter;
    address public pauser;
    address public blacklister;
    address public rescuer;
    mapping(address => uint256) public minterAllowance;
    mapping(address => bool) public isMinter;
    mapping(address => bool) public isBlacklisted;

    constructor(address owner) ERC20("Fiat token", "FIAT") Ownable(owner) {
        masterMinter = owner;
        pauser = owner;
        blacklister = owner;
        rescuer = owner;
    }

    modifier only(address account) {
        if (msg.sender != account) revert NotAllowed();
        _;
    }

    function configureMinter(address minter, uint256 amount) external only(masterMinter) returns (bool) {
        isMinter[minter] = true;
        minterAllowance[minter] = amount;
        return true;
    }

    function removeMinter(address minter) external only(masterMinter) returns (bool) {
        isMinter[minter] = false;
        minterAllowance[minter] = 0;
        return true;
    }

    function mint(address to, uint256 amount) external returns (bool) {
        minterAllowance[msg.sender] -= amount;
        _mint(to, amount);
        return true;
    }

    function burn(uint256 amount) external {
        if (!isMinter[msg.sender]) revert NotAllowed();
        _burn(msg.sender, amount);
    }

    function updateMasterMinter(address account) external onlyOwner {
        masterMinter = account;
    }

    function updatePauser(address account) external onlyOwner {
        pauser = account;
    }

    function updateBlacklister(address account) external onlyOwner {
        blacklister = account;
    }

    function updateRescuer(address account) external onlyOwner {
        rescuer = account;
    }

    function pause() external only(pauser) {
        _pause();
    }

    function unpause() external only(pauser) {
        _unpause();
    }

    function blacklist(address account) external only(blacklister) {
        isBlacklisted[account] = true;
    }

    function unBlacklist(address account) external only(blacklister) {
        isBlacklisted[account] = false;
    }

    function rescueERC20(IERC20 token, address to, uint256 amount) external only(rescuer) {
        token.transfer(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (isBlacklisted[from] || isBlacklisted[to]) revert NotAllowed();
        super._update(from, to, amount);
    }
}
