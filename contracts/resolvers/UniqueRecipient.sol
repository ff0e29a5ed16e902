// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {Encoded} from "../types/Attestation.sol";
import {Batch, RECORD} from "../types/Batch.sol";
import {Items} from "../types/Items.sol";
import {Resolver} from "./Resolver.sol";

/// @title At most one valid attestation per schema, issuer and recipient
/// @notice A new one is refused until the last one is revoked or has expired. The zero address is a recipient like any
/// other: an issuer has one valid statement about nobody in particular. One that arrives expired is never valid, and the
/// next one need not wait for it.
///
/// Warning: an issuer who attests irrevocably and without an expiry has had its say about that recipient, for ever.
contract UniqueRecipient is Resolver {
    using Items for bytes;

    /// @notice The recipient has a valid attestation already: `uid`, which may stand earlier in the same batch.
    error RecipientTaken(address recipient, bytes32 uid);

    /// @notice Sealing is refused. The registry answers for a recorded uid at once, but for a sealed one only with its
    /// proof, and the next issuer's call would have to bring the proofs of all the last ones.
    error RecordsOnly();

    /// @notice The last attestation of an issuer about a recipient; ask the registry whether it is valid. Zero: none.
    mapping(bytes32 schema => mapping(address attester => mapping(address recipient => bytes32 uid)))
        public lastOf;

    constructor(IAttestationRegistry registry_) Resolver(registry_) {}

    function _judge(
        address,
        uint8 level,
        Batch calldata batch,
        bytes32[] calldata uids,
        bytes calldata items
    ) internal override {
        require(level == RECORD, RecordsOnly());
        mapping(address => bytes32) storage last = lastOf[batch.schema][batch.attester];

        Encoded memory item;
        uint256 next = Items.FIRST;
        for (uint256 i = 0; i < uids.length; ++i) {
            (, next) = items.read(next, item);
            bytes32 uid = last[item.recipient];
            require(uid == 0 || !registry.isValid(uid), RecipientTaken(item.recipient, uid));
            last[item.recipient] = uids[i];
        }
    }
}
