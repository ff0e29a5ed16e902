// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {Attestation, AttestationLib} from "../types/Attestation.sol";
import {Head, HeadLib} from "../types/Head.sol";
import {Leaf} from "../types/Leaf.sol";
import {Proof, Tree} from "../types/Tree.sol";

/// @title A contract that depends on attestations
/// @notice Whoever calls it brings the attestation, and this proves every field of it: the uid is hashed here, and the
/// registry is asked for no more than what only it can know. Every check takes the attester and the schema that count,
/// since anybody can say anything under any schema: whoever trusts several decides first, and passes that one.
///
/// Not checked here, because only the contract knows: whom the statement is about (`recipient`), what it says (`data`;
/// nobody has compared it with the schema's text, and abi.decode reverts where it does not fit), how old it may be, and
/// that it is used once. Warning: the same statement under another salt has another uid, so what is to be used once is
/// remembered by recipient, or by what the data names, and not by uid.
abstract contract WaybillConsumer {
    using AttestationLib for Attestation;

    /// What was appended last to a stream.
    /// @param previous hash of the stream before it; zero if it was the first
    /// @param count zero where a statement was recorded or sealed, which is appended by its uid; of an anchored root, how
    /// many leaves its attester said it has
    struct Link {
        bytes32 previous;
        uint40 count;
    }

    /// @notice The registry that is asked, for ever.
    IAttestationRegistry public immutable waybill;

    uint256 private immutable _chainId;
    bytes32 private immutable _domain;

    /// @notice It was said by somebody else.
    error OtherAttester(address attester);

    /// @notice It was said under another schema.
    error OtherSchema(bytes32 schema);

    /// @notice Not on the chain in this wording, or not at this place; or revoked, or expired.
    error NotValid(bytes32 uid);

    /// @notice Something else was appended to the stream last.
    error NotNewest(bytes32 uid);

    /// Reverts where there is no registry.
    constructor(IAttestationRegistry waybill_) {
        waybill = waybill_;
        _chainId = block.chainid;
        _domain = waybill_.domainSeparator();
    }

    /// It is recorded, not revoked and not expired, and says exactly this.
    function _requireRecorded(
        Attestation calldata attestation,
        address attester,
        bytes32 schema
    ) internal view returns (bytes32 uid) {
        _requireSaid(attestation, attester, schema);

        uid = _uidOf(attestation);
        require(waybill.isValid(uid), NotValid(uid));
    }

    /// It is sealed or anchored at this place, neither the place nor the uid is revoked, it is not expired, and says
    /// exactly this.
    function _requireProven(
        Attestation calldata attestation,
        Proof calldata proof,
        address attester,
        bytes32 schema
    ) internal view returns (bytes32 uid) {
        _requireSaid(attestation, attester, schema);

        bytes32 domain = _domainSeparator();
        uid = attestation.uid(domain);
        require(Leaf.isValid(waybill, domain, attestation, proof), NotValid(uid));
    }

    /// @notice It is recorded as above, and nothing was appended to its attester's stream after it. If what was appended last is
    /// revoked, there is no newest: an older one does not take its place.
    /// @param previous hash of the stream before it was appended; zero if it is the first
    /// @return position of the statement in the stream, from zero; only ever grows
    function _requireNewest(
        Attestation calldata attestation,
        bytes32 previous,
        address attester,
        bytes32 schema,
        bytes32 stream
    ) internal view returns (uint64 position) {
        bytes32 uid = _requireRecorded(attestation, attester, schema);

        return _requireEnd(uid, HeadLib.append(previous, uid), attester, stream);
    }

    /// @notice The same of one that is sealed or anchored: the last item of a seal, or the last leaf of a root.
    /// @param link what it was appended as
    function _requireNewest(
        Attestation calldata attestation,
        Proof calldata proof,
        Link calldata link,
        address attester,
        bytes32 schema,
        bytes32 stream
    ) internal view returns (uint64 position) {
        bytes32 uid = _requireProven(attestation, proof, attester, schema);

        if (link.count == 0) return _requireEnd(uid, HeadLib.append(link.previous, uid), attester, stream);
        require(proof.index == link.count - 1, NotNewest(uid));
        bytes32 root = Tree.rootFrom(uid, proof.index, proof.path);
        return _requireEnd(uid, HeadLib.append(link.previous, root, link.count), attester, stream);
    }

    /// The same as `waybill.uidOf`, without asking it.
    function _uidOf(Attestation calldata attestation) internal view returns (bytes32) {
        return attestation.uid(_domainSeparator());
    }

    /// Kept, but for a chain that has split off and taken another id: there the registry says another one.
    function _domainSeparator() internal view returns (bytes32) {
        return block.chainid == _chainId ? _domain : waybill.domainSeparator();
    }

    function _requireSaid(Attestation calldata attestation, address attester, bytes32 schema) private pure {
        require(attestation.attester == attester, OtherAttester(attestation.attester));
        require(attestation.schema == schema, OtherSchema(attestation.schema));
    }

    /// The stream ends in this hash. A uid is hashed as 64 bytes and a root as 96, so neither can pose as the other.
    function _requireEnd(
        bytes32 uid,
        bytes32 hash,
        address attester,
        bytes32 stream
    ) private view returns (uint64) {
        Head memory head = waybill.headOf(attester, stream);
        require(head.hash == hash, NotNewest(uid));
        return head.count - 1;
    }
}
