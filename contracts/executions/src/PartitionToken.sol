// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// @title A security token with partitions (ERC-1400), with the calls of the reference implementation.
/// @notice Every amount is in a partition; calls that name none use `DEFAULT`.
contract PartitionToken is Ownable {
    bytes32 public constant DEFAULT = "default";

    struct Document {
        string uri;
        bytes32 hash;
    }

    error NotAllowed();

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event TransferByPartition(
        bytes32 indexed fromPartition,
        address operator,
        address indexed from,
        address indexed to,
        uint256 value,
        bytes data,
        bytes operatorData
    );

    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(bytes32 => mapping(address => uint256)) public balanceOfByPartition;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => mapping(address => bool)) private _operators;
    mapping(bytes32 => mapping(address => mapping(address => bool))) private _partitionOperators;
    mapping(address => bool) private _controllers;
    mapping(bytes32 => Document) public getDocument;
    mapping(bytes32 => mapping(address => mapping(address => uint256))) public allowanceByPartition;
    address[] private _allControllers;
    bool public isControllable = true;
    bool public isIssuable = true;

    constructor(address issuer, address controller) Ownable(issuer) {
        _controllers[controller] = true;
        _allControllers.push(controller);
    }

    // ERC-20

    function transfer(address to, uint256 value) external returns (bool) {
        _move(DEFAULT, msg.sender, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _spend(from, value);
        _move(DEFAULT, from, to, value);
        return true;
    }

    // Transfers with data and by partition

    function transferWithData(address to, uint256 value, bytes calldata) external {
        _move(DEFAULT, msg.sender, to, value);
    }

    function transferFromWithData(address from, address to, uint256 value, bytes calldata) external {
        _spend(from, value);
        _move(DEFAULT, from, to, value);
    }

    function transferByPartition(bytes32 partition, address to, uint256 value, bytes calldata)
        external
        returns (bytes32)
    {
        _move(partition, msg.sender, to, value);
        return partition;
    }

    function operatorTransferByPartition(
        bytes32 partition,
        address from,
        address to,
        uint256 value,
        bytes calldata,
        bytes calldata
    ) external returns (bytes32) {
        _requireOperator(partition, from);
        _move(partition, from, to, value);
        return partition;
    }

    // Issuance and redemption

    function issue(address holder, uint256 value, bytes calldata) external onlyOwner {
        _move(DEFAULT, address(0), holder, value);
    }

    function issueByPartition(bytes32 partition, address holder, uint256 value, bytes calldata) external onlyOwner {
        _move(partition, address(0), holder, value);
    }

    function redeem(uint256 value, bytes calldata) external {
        _move(DEFAULT, msg.sender, address(0), value);
    }

    function redeemFrom(address holder, uint256 value, bytes calldata) external {
        _spend(holder, value);
        _move(DEFAULT, holder, address(0), value);
    }

    function redeemByPartition(bytes32 partition, uint256 value, bytes calldata) external {
        _move(partition, msg.sender, address(0), value);
    }

    function operatorRedeemByPartition(bytes32 partition, address holder, uint256 value, bytes calldata) external {
        _requireOperator(partition, holder);
        _move(partition, holder, address(0), value);
    }

    function operatorRedeemByPartition(
        bytes32 partition,
        address holder,
        uint256 value,
        bytes calldata,
        bytes calldata
    ) external {
        _requireOperator(partition, holder);
        _move(partition, holder, address(0), value);
    }

    // Controllers

    function controllers() external view returns (address[] memory) {
        return _allControllers;
    }

    function setControllers(address[] calldata all) external onlyOwner {
        for (uint256 i = 0; i < _allControllers.length; ++i) _controllers[_allControllers[i]] = false;
        for (uint256 i = 0; i < all.length; ++i) _controllers[all[i]] = true;
        _allControllers = all;
    }

    function renounceControl() external onlyOwner {
        isControllable = false;
    }

    function renounceIssuance() external onlyOwner {
        isIssuable = false;
    }

    function controllerTransfer(address from, address to, uint256 value, bytes calldata, bytes calldata) external {
        _requireController();
        _move(DEFAULT, from, to, value);
    }

    function controllerRedeem(address holder, uint256 value, bytes calldata, bytes calldata) external {
        _requireController();
        _move(DEFAULT, holder, address(0), value);
    }

    // Operators

    function approveByPartition(bytes32 partition, address spender, uint256 value) external returns (bool) {
        allowanceByPartition[partition][msg.sender][spender] = value;
        return true;
    }

    function authorizeOperator(address operator) external {
        _operators[operator][msg.sender] = true;
    }

    function revokeOperator(address operator) external {
        _operators[operator][msg.sender] = false;
    }

    function authorizeOperatorByPartition(bytes32 partition, address operator) external {
        _partitionOperators[partition][operator][msg.sender] = true;
    }

    function revokeOperatorByPartition(bytes32 partition, address operator) external {
        _partitionOperators[partition][operator][msg.sender] = false;
    }

    function isOperator(address operator, address holder) public view returns (bool) {
        return operator == holder || _operators[operator][holder];
    }

    function isOperatorForPartition(bytes32 partition, address operator, address holder) public view returns (bool) {
        return isOperator(operator, holder) || _partitionOperators[partition][operator][holder];
    }

    // Documents

    function setDocument(bytes32 name, string calldata uri, bytes32 documentHash) external onlyOwner {
        getDocument[name] = Document(uri, documentHash);
    }

    function removeDocument(bytes32 name) external onlyOwner {
        delete getDocument[name];
    }

    function _requireOperator(bytes32 partition, address holder) private view {
        if (!isOperatorForPartition(partition, msg.sender, holder)) revert NotAllowed();
    }

    function _requireController() private view {
        if (!isControllable || !_controllers[msg.sender]) revert NotAllowed();
    }

    function _spend(address from, uint256 value) private {
        if (!isOperator(msg.sender, from)) allowance[from][msg.sender] -= value;
    }

    function _move(bytes32 partition, address from, address to, uint256 value) private {
        if (from == address(0)) {
            if (!isIssuable) revert NotAllowed();
            totalSupply += value;
        } else {
            balanceOf[from] -= value;
            balanceOfByPartition[partition][from] -= value;
        }
        if (to == address(0)) {
            totalSupply -= value;
        } else {
            balanceOf[to] += value;
            balanceOfByPartition[partition][to] += value;
        }
        emit Transfer(from, to, value);
        emit TransferByPartition(partition, msg.sender, from, to, value, "", "");
    }
}
