// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

/// @title A multi-token of real-world assets (ERC-7943).
contract RestrictedItems is ERC1155, Ownable {
    error NotTransferable(address from, uint256 tokenId);

    mapping(address account => mapping(uint256 tokenId => uint256)) public getFrozenTokens;

    constructor(address owner) ERC1155("") Ownable(owner) {
        for (uint256 id = 1; id <= 3; ++id) _mint(owner, id, 100, "");
    }

    function forcedTransfer(address from, address to, uint256 tokenId, uint256 amount)
        external
        onlyOwner
        returns (bool)
    {
        uint256 free = balanceOf(from, tokenId) - getFrozenTokens[from][tokenId];
        if (amount > free) getFrozenTokens[from][tokenId] -= amount - free;
        _safeTransferFrom(from, to, tokenId, amount, "");
        return true;
    }

    function setFrozenTokens(address account, uint256 tokenId, uint256 amount) external onlyOwner returns (bool) {
        getFrozenTokens[account][tokenId] = amount;
        return true;
    }

    function _update(address from, address to, uint256[] memory ids, uint256[] memory amounts) internal override {
        super._update(from, to, ids, amounts);
        for (uint256 i = 0; from != address(0) && i < ids.length; ++i) {
            if (balanceOf(from, ids[i]) < getFrozenTokens[from][ids[i]]) revert NotTransferable(from, ids[i]);
        }
    }
}
