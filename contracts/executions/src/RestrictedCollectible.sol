// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// @title A non-fungible real-world asset (ERC-7943).
contract RestrictedCollectible is ERC721, Ownable {
    error NotTransferable(uint256 tokenId);

    mapping(address account => mapping(uint256 tokenId => bool)) public getFrozenTokens;

    constructor(address owner) ERC721("Restricted collectible", "RWN") Ownable(owner) {
        for (uint256 id = 1; id <= 3; ++id) _mint(owner, id);
    }

    function forcedTransfer(address from, address to, uint256 tokenId) external onlyOwner returns (bool) {
        getFrozenTokens[from][tokenId] = false;
        _update(to, tokenId, address(0));
        return true;
    }

    function setFrozenTokens(address account, uint256 tokenId, bool frozen) external onlyOwner returns (bool) {
        getFrozenTokens[account][tokenId] = frozen;
        return true;
    }

    function _update(address to, uint256 tokenId, address auth) internal override returns (address) {
        if (getFrozenTokens[_ownerOf(tokenId)][tokenId]) revert NotTransferable(tokenId);
        return super._update(to, tokenId, auth);
    }
}
