// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title A fungible token with the `permit` of DAI: all or nothing.
contract DaiToken is ERC20, EIP712 {
    bytes32 private constant PERMIT =
        keccak256("Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)");

    error InvalidPermit();

    mapping(address => uint256) public nonces;

    constructor(address holder) ERC20("Dai token", "DAI") EIP712("Dai token", "1") {
        _mint(holder, 1_000_000);
    }

    function permit(
        address holder,
        address spender,
        uint256 nonce,
        uint256 expiry,
        bool allowed,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(PERMIT, holder, spender, nonce, expiry, allowed)));
        if (ECDSA.recover(digest, v, r, s) != holder || nonce != nonces[holder]++) revert InvalidPermit();
        _approve(holder, spender, allowed ? type(uint256).max : 0);
    }
}
