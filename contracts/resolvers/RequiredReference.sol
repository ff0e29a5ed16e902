// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {Encoded} from "../types/Attestation.sol";
import {Batch} from "../types/Batch.sol";
import {Items} from "../types/Items.sol";
import {Resolver} from "./Resolver.sol";

/// @title Every item refers to an attestation that is recorded and valid
/// @notice It may be an item of the same batch, before or after. One that is only sealed or anchored does not count: the
/// registry knows it by its proof alone.
/// Warning: it is looked at once. What is revoked or expires later leaves the items that refer to it as they are. And the
/// registry knows whose it is, but not its schema or what it says: without an issuer, anyone can attest something to
/// refer to.
contract RequiredReference is Resolver {
    using Items for bytes;

    /// @notice What the item refers to is not recorded, revoked or expired; zero: it refers to nothing.
    error InvalidReference(bytes32 uid, bytes32 ref);

    /// @notice What the item refers to is `attester`'s.
    error ReferenceByAnother(bytes32 uid, bytes32 ref, address attester);

    /// @notice Whose attestations are to be referred to; zero: anybody's.
    address public immutable issuer;

    constructor(IAttestationRegistry registry_, address issuer_) Resolver(registry_) {
        issuer = issuer_;
    }

    function _judge(
        address,
        uint8,
        Batch calldata,
        bytes32[] calldata uids,
        bytes calldata items
    ) internal view override {
        Encoded memory item;
        uint256 next = Items.FIRST;
        for (uint256 i = 0; i < uids.length; ++i) {
            (, next) = items.read(next, item);
            bytes32 ref = item.ref;
            require(registry.isValid(ref), InvalidReference(uids[i], ref));
            if (issuer == address(0)) continue;
            address attester = registry.attesterOf(ref);
            require(attester == issuer, ReferenceByAnother(uids[i], ref, attester));
        }
    }
}
