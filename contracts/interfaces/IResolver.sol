// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch} from "../types/Batch.sol";

/// @title A contract that a schema names, to have a say in every attestation of it
/// @notice Asked once per call that records or seals, with everything that was said. It refuses by reverting, and the
/// whole call is undone.
///
/// What it is not asked about: revocations, which are the issuer's right (whoever depends on one reads `isValid`); and
/// anchors, which it never sees, so that no anchored leaf of its schema is valid. At level seal it sees the items and
/// nothing of them is recorded: the same statement may be sealed again under another root, may be recorded too, and may
/// have been revoked. A statement with a signature of its own can be put at either level by anyone. A resolver that counts
/// or pays keeps the uids itself, or refuses level 1.
///
/// Warning: anyone can call a resolver. One that keeps or pays anything checks that the caller is the registry; the
/// abstract contract Resolver does.
interface IResolver {
    /// @notice Called after the attestations are stored and announced, with the value that came along.
    /// @param sender the account that called the registry: the attester or whoever carries its signature
    /// @param level 0 for record, 1 for seal
    /// @param batch what all items share; for a single attestation without a stream, position and deadline
    /// @param uids of the items, in order. At level record none of them was recorded before
    /// @param items packed as the library Items says
    /// @return the selector of this function: it agrees
    function onAttested(
        address sender,
        uint8 level,
        Batch calldata batch,
        bytes32[] calldata uids,
        bytes calldata items
    ) external payable returns (bytes4);
}
