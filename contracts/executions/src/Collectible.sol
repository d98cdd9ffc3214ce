// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721Burnable} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Burnable.sol";

/// @title A non-fungible token (ERC-721) whose owner mints.
contract Collectible is ERC721Burnable, Ownable2Step {
    constructor(address owner) ERC721("Collectible", "COL") Ownable(owner) {}

    function mint(address to, uint256 tokenId) external onlyOwner {
        _mint(to, tokenId);
    }

    function safeMint(address to, uint256 tokenId) external onlyOwner {
        _safeMint(to, tokenId);
    }

    function safeMint(address to, uint256 tokenId, bytes calldata data) external onlyOwner {
        _safeMint(to, tokenId, data);
    }
}
