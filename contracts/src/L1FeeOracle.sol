// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The part of the OP stack's gas price oracle that a quote asks, with made-up prices: 1 gwei a byte since Fjord, 2 gwei before.
contract L1FeeOracle {
    bool public isFjord;

    function setFjord(bool on) external {
        isFjord = on;
    }

    function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256) {
        require(isFjord, "GasPriceOracle: getL1FeeUpperBound only supports Fjord");
        return (unsignedTxSize + 68) * 1 gwei;
    }

    function getL1Fee(bytes calldata data) external view returns (uint256) {
        require(!isFjord, "use getL1FeeUpperBound");
        return (data.length + 68) * 2 gwei;
    }
}
