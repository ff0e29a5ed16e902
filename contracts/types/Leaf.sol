// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {Attestation, AttestationLib} from "./Attestation.sol";
import {Record} from "./Record.sol";
import {Root} from "./Root.sol";
import {Proof, Tree} from "./Tree.sol";

/// What makes a leaf of a sealed or anchored tree valid, for the registry and for contracts that depend on one.
library Leaf {
    using AttestationLib for Attestation;

    /// @notice The same answer as `registry.isValid(attestation, proof)` for three quarters of the gas: the uid and the root are
    /// hashed here, and the registry is asked for what only it can know.
    /// @param domain the registry's `domainSeparator()`, which a contract reads once and keeps. After a split of the
    /// chain that takes another chain id, no leaf is valid under the old one
    function isValid(
        IAttestationRegistry registry,
        bytes32 domain,
        Attestation calldata attestation,
        Proof calldata proof
    ) internal view returns (bool) {
        bytes32 uid = attestation.uid(domain);
        bytes32 root = Tree.rootFrom(uid, proof.index, proof.path);
        address attester = attestation.attester;
        bytes32 schema = attestation.schema;
        (Root known, Record record) = registry.standingOf(attester, schema, root, uid);

        if (!stands(known, record, attestation, proof)) return false;
        if (!attestation.revocable || !known.isThinned()) return true;
        return !registry.isLeafRevoked(attester, schema, root, proof.index);
    }

    /// All that is to be checked but the leaf's own bit, which is read only of a root that is thinned.
    function stands(
        Root known,
        Record record,
        Attestation calldata attestation,
        Proof calldata proof
    ) internal view returns (bool) {
        if (!known.isJudged() || !Tree.has(known.count(), proof.index, proof.path.length)) return false;
        uint40 expiresAt = attestation.expiresAt;
        if (expiresAt != 0 && block.timestamp >= expiresAt) return false;
        return !attestation.revocable || (known.isRevocable() && !record.isRevoked());
    }
}
