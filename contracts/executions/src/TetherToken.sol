// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Pausable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Pausable.sol";

/// @title A fungible token with the calls of USDT, which may keep a part of each transfer for its owner.
contract TetherToken is ERC20Pausable, Ownable {
    error NotAllowed();

    uint256 public basisPointsRate;
    uint256 public maximumFee;
    address public upgradedAddress;
    mapping(address => bool) public isBlackListed;

    constructor(address owner) ERC20("Tether token", "TETHER") Ownable(owner) {
        _mint(owner, 1_000_000);
    }

    function issue(uint256 amount) external onlyOwner {
        _mint(owner(), amount);
    }

    function redeem(uint256 amount) external onlyOwner {
        _burn(owner(), amount);
    }

    function setParams(uint256 rate, uint256 maximum) external onlyOwner {
        basisPointsRate = rate;
        maximumFee = maximum;
    }

    function deprecate(address upgraded) external onlyOwner {
        upgradedAddress = upgraded;
    }

    function addBlackList(address account) external onlyOwner {
        isBlackListed[account] = true;
    }

    function removeBlackList(address account) external onlyOwner {
        isBlackListed[account] = false;
    }

    function destroyBlackFunds(address account) external onlyOwner {
        if (!isBlackListed[account]) revert NotAllowed();
        super._update(account, address(0), balanceOf(account));
    }

    function pause() external onlyOwner {
        _pause();
    }

    function unpause() external onlyOwner {
        _unpause();
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (isBlackListed[from]) revert NotAllowed();
        uint256 fee = from == address(0) || to == address(0) ? 0 : (amount * basisPointsRate) / 10_000;
        if (fee > maximumFee) fee = maximumFee;
        if (fee > 0) super._update(from, owner(), fee);
        super._update(from, to, amount - fee);
    }
}
