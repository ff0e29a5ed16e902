// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Batch, IAttestationRegistry} from "./interfaces/IAttestationRegistry.sol";
import {ISchemaRegistry} from "./interfaces/ISchemaRegistry.sol";
import {Attestation, AttestationLib, Encoded, Statement} from "./types/Attestation.sol";
import {Items} from "./types/Items.sol";
import {Record, RecordLib} from "./types/Record.sol";
import {Terms} from "./types/Schema.sol";

/// @title The canonical record of attestations; IAttestationRegistry says what every function does
contract AttestationRegistry is IAttestationRegistry, EIP712 {
    using Items for bytes;

    bytes32 private constant BATCH_TYPE_HASH = keccak256(
        "Batch(address attester,bytes32 schema,uint8 level,bytes32 stream,uint64 position,bytes items,uint40 deadline,uint256 value)"
    );
    bytes32 private constant REVOCATION_TYPE_HASH = keccak256(
        "Revocation(address attester,bytes32[] uids,string reason,uint40 deadline)"
    );
    uint8 private constant LEVEL_RECORD = 0;

    /// Gives a record an address, so that reading and writing it hash its key once.
    struct Slot {
        Record record;
    }

    /// @inheritdoc IAttestationRegistry
    ISchemaRegistry public immutable schemaRegistry;

    mapping(bytes32 uid => Slot) private _slots;

    constructor(ISchemaRegistry schemaRegistry_) EIP712("Waybill", "1") {
        schemaRegistry = schemaRegistry_;
    }

    /// @inheritdoc IAttestationRegistry
    function attest(Attestation calldata attestation) external returns (bytes32 uid) {
        require(msg.sender == attestation.attester, NotAttester(attestation.attester, msg.sender));

        return _attest(attestation);
    }

    /// @inheritdoc IAttestationRegistry
    function attestSigned(
        Attestation calldata attestation,
        bytes calldata signature
    ) external returns (bytes32 uid) {
        _requireSigned(attestation.attester, uidOf(attestation), signature);

        return _attest(attestation);
    }

    /// @inheritdoc IAttestationRegistry
    function record(
        Batch calldata batch,
        bytes calldata items,
        bytes calldata signature
    ) external returns (uint256 recorded) {
        require(batch.stream == 0 && batch.position == 0, StreamNotSupported(batch.stream));
        if (msg.sender != batch.attester) _requireBatchSigned(batch, items, signature);
        bool revocable = _revocableUnder(batch.schema);
        uint256 count = items.count();
        require(count != 0, EmptyBatch());

        Encoded memory item = AttestationLib.blank(batch.schema, batch.attester);
        bytes32 domain = _domainSeparatorV4();
        uint256 next = Items.FIRST;
        for (uint256 i = 0; i < count; ++i) {
            bytes calldata data;
            (data, next) = items.read(next, item);
            require(revocable || !item.revocable, SchemaIrrevocable(batch.schema));
            item.dataHash = keccak256(data);
            if (_store(item.uid(domain), item, data)) ++recorded;
        }
        require(next == items.length, Items.MalformedItems(next));
    }

    /// @inheritdoc IAttestationRegistry
    function revoke(bytes32[] calldata uids, string calldata reason) external {
        _revokeAll(msg.sender, uids, reason);
    }

    /// @inheritdoc IAttestationRegistry
    function revokeSigned(
        address attester,
        bytes32[] calldata uids,
        string calldata reason,
        uint40 deadline,
        bytes calldata signature
    ) external {
        if (msg.sender != attester) _requireRevocationSigned(attester, uids, reason, deadline, signature);

        _revokeAll(attester, uids, reason);
    }

    /// @inheritdoc IAttestationRegistry
    function revokeUnrecorded(
        Statement[] calldata statements,
        string calldata reason,
        uint40 deadline,
        bytes calldata signature
    ) external {
        require(statements.length != 0, EmptyBatch());
        address attester = statements[0].attester;
        bytes32[] memory uids = new bytes32[](statements.length);
        for (uint256 i = 0; i < statements.length; ++i) {
            uids[i] = AttestationLib.encode(statements[i]).uid(_domainSeparatorV4());
            require(statements[i].attester == attester, AttestedByAnother(uids[i], statements[i].attester));
        }
        if (msg.sender != attester) _requireRevocationSigned(attester, uids, reason, deadline, signature);

        for (uint256 i = 0; i < statements.length; ++i) {
            if (_slots[uids[i]].record.isEmpty()) {
                _slots[uids[i]].record = RecordLib.pack(
                    attester,
                    0,
                    statements[i].expiresAt,
                    statements[i].revocable
                );
            }
            _revoke(attester, uids[i], reason);
        }
    }

    /// @inheritdoc IAttestationRegistry
    function isValid(bytes32 uid) public view returns (bool) {
        return _slots[uid].record.isValidAt(block.timestamp);
    }

    /// @inheritdoc IAttestationRegistry
    function isValid(Attestation calldata attestation) external view returns (bool) {
        return isValid(uidOf(attestation));
    }

    /// @inheritdoc IAttestationRegistry
    function uidOf(Attestation calldata attestation) public view returns (bytes32) {
        return AttestationLib.encode(attestation).uid(_domainSeparatorV4());
    }

    /// @inheritdoc IAttestationRegistry
    function attesterOf(bytes32 uid) external view returns (address) {
        return _slots[uid].record.attester();
    }

    /// @inheritdoc IAttestationRegistry
    function recordOf(
        bytes32 uid
    )
        external
        view
        returns (address attester, uint40 recordedAt, uint40 expiresAt, bool revocable, bool revoked)
    {
        Record slot = _slots[uid].record;
        return (slot.attester(), slot.recordedAt(), slot.expiresAt(), slot.isRevocable(), slot.isRevoked());
    }

    /// @inheritdoc IAttestationRegistry
    function recordsOf(bytes32[] calldata uids) external view returns (Record[] memory slots) {
        slots = new Record[](uids.length);
        for (uint256 i = 0; i < uids.length; ++i) {
            slots[i] = _slots[uids[i]].record;
        }
    }

    function _attest(Attestation calldata attestation) private returns (bytes32 uid) {
        Encoded memory item = AttestationLib.encode(attestation);
        require(_revocableUnder(item.schema) || !item.revocable, SchemaIrrevocable(item.schema));

        uid = item.uid(_domainSeparatorV4());
        _store(uid, item, attestation.data);
    }

    /// Stores and announces one attestation, unless its slot is taken.
    function _store(bytes32 uid, Encoded memory item, bytes calldata data) private returns (bool stored) {
        Slot storage slot = _slots[uid];
        if (!slot.record.isEmpty()) return false;

        slot.record = RecordLib.pack(item.attester, block.timestamp, item.expiresAt, item.revocable);

        emit Attested(
            uid,
            item.attester,
            item.recipient,
            item.schema,
            item.ref,
            item.expiresAt,
            item.revocable,
            item.salt,
            data
        );
        return true;
    }

    function _revokeAll(address attester, bytes32[] calldata uids, string calldata reason) private {
        require(uids.length != 0, EmptyBatch());
        for (uint256 i = 0; i < uids.length; ++i) {
            _revoke(attester, uids[i], reason);
        }
    }

    function _revoke(address attester, bytes32 uid, string calldata reason) private {
        Slot storage slot = _slots[uid];
        Record current = slot.record;
        address issuer = current.attester();
        if (issuer != attester) {
            require(issuer != address(0), NotRecorded(uid));
            revert AttestedByAnother(uid, issuer);
        }
        require(current.isRevocable(), Irrevocable(uid));
        if (current.isRevoked()) return;

        slot.record = current.revoke();

        emit Revoked(uid, attester, bytes(reason));
    }

    function _revocableUnder(bytes32 schema) private view returns (bool) {
        Terms memory terms = schemaRegistry.termsOf(schema);
        require(terms.exists, UnknownSchema(schema));
        require(terms.resolver == address(0), ResolverNotSupported(terms.resolver));
        return terms.revocable;
    }

    function _requireBatchSigned(
        Batch calldata batch,
        bytes calldata items,
        bytes calldata signature
    ) private view {
        _requireInTime(batch.attester, batch.deadline, signature);
        bytes32 structHash = keccak256(
            abi.encode(
                BATCH_TYPE_HASH,
                batch.attester,
                batch.schema,
                LEVEL_RECORD,
                batch.stream,
                batch.position,
                keccak256(items),
                batch.deadline,
                uint256(0)
            )
        );
        _requireSigned(batch.attester, _hashTypedDataV4(structHash), signature);
    }

    function _requireRevocationSigned(
        address attester,
        bytes32[] memory uids,
        string calldata reason,
        uint40 deadline,
        bytes calldata signature
    ) private view {
        _requireInTime(attester, deadline, signature);
        bytes32 structHash = keccak256(
            abi.encode(
                REVOCATION_TYPE_HASH,
                attester,
                keccak256(abi.encodePacked(uids)),
                keccak256(bytes(reason)),
                deadline
            )
        );
        _requireSigned(attester, _hashTypedDataV4(structHash), signature);
    }

    /// A wallet that approved a digest on chain answers to the empty signature; for a key, empty means forgotten.
    function _requireInTime(address attester, uint40 deadline, bytes calldata signature) private view {
        require(signature.length != 0 || attester.code.length != 0, NotAttester(attester, msg.sender));
        require(block.timestamp <= deadline, DeadlinePassed(deadline));
    }

    /// ECDSA first, also for an attester with code: an account under EIP-7702 keeps its key, and nobody is expected to
    /// find a key for the address of another contract.
    function _requireSigned(address attester, bytes32 digest, bytes calldata signature) private view {
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == attester) return;
        require(
            SignatureChecker.isValidERC1271SignatureNowCalldata(attester, digest, signature),
            InvalidSignature(attester)
        );
    }
}
