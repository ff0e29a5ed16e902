// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../../contracts/types/Attestation.sol";

/// Asks for many uids in one call.
contract Uids {
    function uidsOf(
        IAttestationRegistry registry,
        Attestation[] calldata attestations
    ) external view returns (bytes32[] memory uids) {
        uids = new bytes32[](attestations.length);
        for (uint256 i = 0; i < uids.length; ++i) uids[i] = registry.uidOf(attestations[i]);
    }
}
