// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A token that misbehaves in every way a chain allows. An indexer must not stop at it.
/// @notice Anyone may call anything. It claims to support every interface, has a name of ten thousand bytes with NUL and invalid
/// UTF-8 in it, reverts in `decimals`, mints 2^256-1 any number of times and emits arbitrary events.
contract HostileToken {
    event Transfer(address indexed from, address indexed to, uint256 value);

    bytes32 private constant TRANSFER = keccak256("Transfer(address,address,uint256)");
    bytes32 private constant SINGLE = keccak256("TransferSingle(address,address,address,uint256,uint256)");
    bytes32 private constant BATCH = keccak256("TransferBatch(address,address,address,uint256[],uint256[])");
    uint256 private constant NAME_BYTES = 10_000;

    error NoDecimals(string why);

    function name() external pure returns (string memory) {
        bytes memory text = new bytes(NAME_BYTES);
        for (uint256 i = 0; i < NAME_BYTES; ++i) text[i] = "H";
        text[0] = 0x00; // NUL, which PostgreSQL rejects in text
        text[1] = 0xff; // never in UTF-8
        text[2] = 0xc3; // the start of an incomplete sequence
        return string(text);
    }

    function symbol() external pure returns (string memory) {
        bytes memory text = hex"4800c328f0288cbc273b2d2d"; // H, NUL, two broken sequences, a quote, a comment
        return string(text);
    }

    function decimals() external pure returns (uint8) {
        revert NoDecimals("guess");
    }

    function supportsInterface(bytes4) external pure returns (bool) {
        return true;
    }

    function totalSupply() external pure returns (uint256) {
        return type(uint256).max;
    }

    function balanceOf(address) external pure returns (uint256) {
        return type(uint256).max;
    }

    /// Returns true without a transfer.
    function transfer(address, uint256) external pure returns (bool) {
        return true;
    }

    /// Emits `times` mints of 2^256-1 to `to`.
    function mint(address to, uint256 times) external {
        for (uint256 i = 0; i < times; ++i) emit Transfer(address(0), to, type(uint256).max);
    }

    /// Emits a false `Transfer` between any two addresses.
    function lie(address from, address to, uint256 value) external {
        emit Transfer(from, to, value);
    }

    /// Emits a `Transfer` with one to four topics, and the other arguments in the data.
    function lieWithTopics(uint256 topics, address from, address to, uint256 value) external {
        bytes32[] memory all = new bytes32[](4);
        all[0] = TRANSFER;
        all[1] = bytes32(uint256(uint160(from)));
        all[2] = bytes32(uint256(uint160(to)));
        all[3] = bytes32(value);
        bytes memory data;
        for (uint256 i = topics; i < 4; ++i) data = bytes.concat(data, all[i]);
        _log(all, topics, data);
    }

    /// Emits a `Transfer` with valid topics and any data: too short, too long, empty.
    function lieWithData(address from, address to, bytes calldata data) external {
        bytes32[] memory all = new bytes32[](3);
        all[0] = TRANSFER;
        all[1] = bytes32(uint256(uint160(from)));
        all[2] = bytes32(uint256(uint160(to)));
        _log(all, 3, data);
    }

    /// Emits a `Transfer` whose address topics have bits set above the 160th.
    function lieWithDirtyTopics(bytes32 from, bytes32 to, uint256 value) external {
        bytes32[] memory all = new bytes32[](3);
        all[0] = TRANSFER;
        all[1] = from;
        all[2] = to;
        _log(all, 3, abi.encode(value));
    }

    /// Emits a false `TransferSingle`.
    function lieSingle(address from, address to, uint256 id, uint256 value) external {
        _multi(SINGLE, from, to, abi.encode(id, value));
    }

    /// Emits a false `TransferBatch`; the two lists may differ in length.
    function lieBatch(address from, address to, uint256[] calldata ids, uint256[] calldata values) external {
        _multi(BATCH, from, to, abi.encode(ids, values));
    }

    /// Emits a `TransferBatch` with any data: offsets out of bounds, lengths of 2^256-1.
    function lieBatchWithData(address from, address to, bytes calldata data) external {
        _multi(BATCH, from, to, data);
    }

    /// Emits any log: up to four topics, any data.
    function log(bytes32[] calldata topics, bytes calldata data) external {
        _log(topics, topics.length, data);
    }

    function _multi(bytes32 signature, address from, address to, bytes memory data) private {
        bytes32[] memory all = new bytes32[](4);
        all[0] = signature;
        all[1] = bytes32(uint256(uint160(msg.sender)));
        all[2] = bytes32(uint256(uint160(from)));
        all[3] = bytes32(uint256(uint160(to)));
        _log(all, 4, data);
    }

    function _log(bytes32[] memory t, uint256 count, bytes memory data) private {
        assembly ("memory-safe") {
            let at := add(data, 32)
            let size := mload(data)
            switch count
            case 0 { log0(at, size) }
            case 1 { log1(at, size, mload(add(t, 32))) }
            case 2 { log2(at, size, mload(add(t, 32)), mload(add(t, 64))) }
            case 3 { log3(at, size, mload(add(t, 32)), mload(add(t, 64)), mload(add(t, 96))) }
            default { log4(at, size, mload(add(t, 32)), mload(add(t, 64)), mload(add(t, 96)), mload(add(t, 128))) }
        }
    }
}
