// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {IResolver} from "../interfaces/IResolver.sol";
import {Batch} from "../types/Batch.sol";

/// @title A resolver of one registry, which keeps no ETH unless it says so
/// @notice What derives from it refuses in `_judge` by reverting. It may be named by any number of schemas, and anyone
/// can register one that names it: what it keeps, it keeps by `batch.schema` where that matters.
abstract contract Resolver is IResolver {
    /// @notice Only the registry asks.
    error NotRegistry(address caller);

    /// @notice It has no use for `value` wei, which would stay here for ever.
    error ValueNotTaken(uint256 value);

    /// @notice The registry that it answers to, for ever.
    IAttestationRegistry public immutable registry;

    constructor(IAttestationRegistry registry_) {
        registry = registry_;
    }

    /// @inheritdoc IResolver
    function onAttested(
        address sender,
        uint8 level,
        Batch calldata batch,
        bytes32[] calldata uids,
        bytes calldata items
    ) external payable returns (bytes4) {
        require(msg.sender == address(registry), NotRegistry(msg.sender));
        require(msg.value == 0 || _takesValue(), ValueNotTaken(msg.value));

        _judge(sender, level, batch, uids, items);

        return IResolver.onAttested.selector;
    }

    /// Reverts if it does not agree; the parameters are those of `onAttested`.
    function _judge(
        address sender,
        uint8 level,
        Batch calldata batch,
        bytes32[] calldata uids,
        bytes calldata items
    ) internal virtual;

    /// A resolver that says true judges the value too, and has to let it out again.
    function _takesValue() internal pure virtual returns (bool) {
        return false;
    }
}
