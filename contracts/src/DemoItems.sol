// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";

/// @title The multi-token of the demo. Single transfers emit `TransferSingle`, batches emit `TransferBatch`.
contract DemoItems is ERC1155, Ownable {
    constructor(string memory uri_, address issuer) ERC1155(uri_) Ownable(issuer) {}

    function mint(address to, uint256 id, uint256 amount) external onlyOwner {
        _mint(to, id, amount, "");
    }

    /// `ids` may contain an id twice: a reader of `TransferBatch` must add amounts, not overwrite them.
    function mintBatch(address to, uint256[] calldata ids, uint256[] calldata amounts) external onlyOwner {
        _mintBatch(to, ids, amounts, "");
    }

    function burn(address from, uint256 id, uint256 amount) external {
        _requireHolder(from);
        _burn(from, id, amount);
    }

    function burnBatch(address from, uint256[] calldata ids, uint256[] calldata amounts) external {
        _requireHolder(from);
        _burnBatch(from, ids, amounts);
    }

    function setURI(string calldata uri_) external onlyOwner {
        _setURI(uri_);
    }

    function _requireHolder(address from) private view {
        if (from != msg.sender && !isApprovedForAll(from, msg.sender)) {
            revert ERC1155MissingApprovalForAll(msg.sender, from);
        }
    }
}
