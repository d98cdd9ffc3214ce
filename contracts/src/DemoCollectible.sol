// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// @title The non-fungible token of the demo: the issuer mints with a document URI, holders burn their own.
contract DemoCollectible is ERC721, Ownable {
    mapping(uint256 tokenId => string) private _uris;

    constructor(string memory name_, string memory symbol_, address issuer) ERC721(name_, symbol_) Ownable(issuer) {}

    function mint(address to, uint256 tokenId, string calldata uri) external onlyOwner {
        _mint(to, tokenId);
        _uris[tokenId] = uri;
    }

    function burn(uint256 tokenId) external {
        _update(address(0), tokenId, msg.sender);
        delete _uris[tokenId];
    }

    function tokenURI(uint256 tokenId) public view override returns (string memory) {
        _requireOwned(tokenId);
        return _uris[tokenId];
    }
}
