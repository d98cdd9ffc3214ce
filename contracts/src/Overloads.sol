// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Every form of an ABI: overloads, nested tuples, several results, errors with arguments, unusual events.
contract Overloads {
    struct Leg {
        address to;
        uint256 amount;
    }

    struct Terms {
        string note;
        uint8[3] flags;
        bytes extra;
    }

    struct Order {
        bytes32 id;
        Leg[] legs;
        Terms terms;
    }

    error Refused(address who, uint256 wanted, string why);
    error RefusedOrder(Order order);
    error Nothing();

    event Changed(uint256 value);
    event Changed(address value);
    event Changed(string value);
    event Placed(bytes32 indexed id, address indexed by, Order order);
    event Noted(string indexed topic, uint256[] indexed numbers, string text, int256 signed);
    event Silent(uint256 indexed number, bytes data) anonymous;

    uint256 public number;
    address public account;
    string public text;
    mapping(bytes32 id => uint256) public placed;

    receive() external payable {}

    // Overloads: the name alone is ambiguous.

    function set(uint256 value) external {
        number = value;
        emit Changed(value);
    }

    function set(address value) external {
        account = value;
        emit Changed(value);
    }

    function set(string calldata value) external {
        text = value;
        emit Changed(value);
    }

    function set(uint256 value, address account_) external returns (uint256 before) {
        before = number;
        number = value;
        account = account_;
    }

    function pay() external payable returns (uint256) {
        return address(this).balance;
    }

    // Tuples, and lists of them.

    function place(Order calldata order) external returns (uint256 total) {
        total = _place(order);
    }

    function placeAll(Order[] calldata orders) external returns (uint256[] memory totals) {
        totals = new uint256[](orders.length);
        for (uint256 i = 0; i < orders.length; ++i) totals[i] = _place(orders[i]);
    }

    function echo(Order[][2] calldata pairs) external pure returns (Order[][2] memory) {
        return pairs;
    }

    function types_(int8 small, int256 big, bool yes, bytes4 four, bytes calldata any, uint256[2][] calldata grid)
        external
        pure
        returns (int8, int256, bool, bytes4, bytes memory, uint256[2][] memory)
    {
        return (small, big, yes, four, any, grid);
    }

    // Several results, with and without names.

    function many()
        external
        view
        returns (uint256 count, address who, string memory word, bytes32[] memory list, Leg memory leg, int64)
    {
        list = new bytes32[](2);
        list[0] = bytes32(uint256(1));
        list[1] = keccak256("florin");
        return (number, account, text, list, Leg(account, 7), -1);
    }

    // Events.

    function note(string calldata topic, uint256[] calldata numbers, string calldata text_) external {
        emit Noted(topic, numbers, text_, -5);
    }

    function whisper(uint256 number_, bytes calldata data) external {
        emit Silent(number_, data);
    }

    // Every kind of failure.

    function failError(uint256 wanted) external view {
        revert Refused(msg.sender, wanted, "not today");
    }

    function failOrder(Order calldata order) external pure {
        revert RefusedOrder(order);
    }

    function failNothing() external pure {
        revert Nothing();
    }

    function failRequire(bool ok) external pure {
        require(ok, "it is not ok");
    }

    function failAssert() external pure {
        assert(false);
    }

    function failOverflow(uint256 value) external pure returns (uint256) {
        return value + type(uint256).max;
    }

    function failEmpty() external pure {
        revert();
    }

    /// Reverts with any bytes: an error of no known ABI, or a truncated `Error(string)`.
    function failRaw(bytes calldata data) external pure {
        bytes memory copy = data;
        assembly ("memory-safe") {
            revert(add(copy, 32), mload(copy))
        }
    }

    /// Runs out of gas.
    function failGas() external {
        while (true) ++number;
    }

    function _place(Order calldata order) private returns (uint256 total) {
        for (uint256 i = 0; i < order.legs.length; ++i) total += order.legs[i].amount;
        placed[order.id] = total;
        emit Placed(order.id, msg.sender, order);
    }
}
