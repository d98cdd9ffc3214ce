// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";

/// @title The fungible token of the demo: the issuer mints, burns, freezes holders and pauses all transfers.
contract DemoToken is ERC20Pausable, Ownable {
    /// The holder is frozen: no transfers in or out, except burns by the issuer.
    error HolderFrozen(address holder);

    event Frozen(address indexed holder, bool frozen);

    uint8 private immutable _decimals;
    mapping(address holder => bool) public frozen;

    constructor(string memory name_, string memory symbol_, uint8 decimals_, address issuer)
        ERC20(name_, symbol_)
        Ownable(issuer)
    {
        _decimals = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }

    function burn(address from, uint256 amount) external onlyOwner {
        _burn(from, amount);
    }

    function setFrozen(address holder, bool frozen_) external onlyOwner {
        frozen[holder] = frozen_;
        emit Frozen(holder, frozen_);
    }

    function pause() external onlyOwner {
        _pause();
    }

    function unpause() external onlyOwner {
        _unpause();
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (to != address(0) && frozen[from]) revert HolderFrozen(from);
        if (frozen[to]) revert HolderFrozen(to);
        super._update(from, to, amount);
    }
}
