// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "./interfaces/IAttestationRegistry.sol";
import {IResolver} from "./interfaces/IResolver.sol";
import {ISchemaRegistry} from "./interfaces/ISchemaRegistry.sol";
import {IssuerSignatures} from "./IssuerSignatures.sol";
import {Attestation, AttestationLib, Encoded, Statement} from "./types/Attestation.sol";
import {ANCHOR, Batch, RECORD, SEAL} from "./types/Batch.sol";
import {Head, HeadLib} from "./types/Head.sol";
import {Leaf} from "./types/Leaf.sol";
import {Items} from "./types/Items.sol";
import {Record, RecordLib} from "./types/Record.sol";
import {Root, RootLib} from "./types/Root.sol";
import {Terms} from "./types/Schema.sol";
import {Proof, Tree} from "./types/Tree.sol";

/// @title The canonical record of attestations; IAttestationRegistry says what every function does
contract AttestationRegistry is IAttestationRegistry, IssuerSignatures {
    using AttestationLib for Attestation;
    using Items for bytes;

    /// Gives a record an address, so that reading and writing it hash its key once.
    struct Slot {
        Record record;
    }

    struct Leaves {
        Root root;
        mapping(uint256 word => uint256 bits) revoked;
    }

    /// @inheritdoc IAttestationRegistry
    ISchemaRegistry public immutable schemaRegistry;

    mapping(bytes32 uid => Slot) private _slots;
    mapping(address attester => mapping(bytes32 schema => mapping(bytes32 root => Leaves))) private _leaves;
    mapping(address attester => mapping(bytes32 stream => Head)) private _heads;

    constructor(ISchemaRegistry schemaRegistry_) {
        schemaRegistry = schemaRegistry_;
    }

    /// @inheritdoc IAttestationRegistry
    function attest(Attestation calldata attestation) external payable returns (bytes32 uid) {
        require(msg.sender == attestation.attester, NotAttester(attestation.attester, msg.sender));

        return _attest(attestation);
    }

    /// @inheritdoc IAttestationRegistry
    function attestSigned(
        Attestation calldata attestation,
        bytes calldata signature
    ) external payable returns (bytes32 uid) {
        _requireSigned(attestation.attester, uidOf(attestation), signature);

        return _attest(attestation);
    }

    /// @inheritdoc IAttestationRegistry
    function record(
        Batch calldata batch,
        bytes calldata items,
        bytes calldata signature
    ) external payable returns (uint256 recorded) {
        if (msg.sender != batch.attester) _requireBatchSigned(batch, RECORD, keccak256(items), signature);
        _requirePosition(batch);
        Terms memory terms = _termsOf(batch.schema);
        bool asked = terms.resolver != address(0);

        bytes32[] memory uids = new bytes32[](asked ? items.count() : 0);
        bytes32 hash;
        (recorded, hash) = _storeAll(batch, items, terms.revocable, uids);

        _advance(batch.attester, batch.stream, batch.position, items.count(), hash);
        if (asked) _ask(terms.resolver, RECORD, batch, uids, items);
    }

    /// @inheritdoc IAttestationRegistry
    function seal(
        Batch calldata batch,
        bytes calldata items,
        bytes calldata signature
    ) external payable returns (bytes32 root) {
        if (msg.sender != batch.attester) _requireBatchSigned(batch, SEAL, keccak256(items), signature);
        _requirePosition(batch);
        Terms memory terms = _termsOf(batch.schema);

        return _seal(batch, terms, _uidsOf(batch, items, terms.revocable), items);
    }

    /// @inheritdoc IAttestationRegistry
    function sealSigned(
        Attestation calldata attestation,
        bytes calldata signature
    ) external payable returns (bytes32 uid) {
        uid = uidOf(attestation);
        _requireSigned(attestation.attester, uid, signature);
        Terms memory terms = _termsOf(attestation.schema);
        require(terms.revocable || !attestation.revocable, SchemaIrrevocable(attestation.schema));
        // A resolver has judged what is recorded, and is not to judge what was revoked.
        require(terms.resolver == address(0) || _slots[uid].record.isEmpty(), UidTaken(uid));

        _seal(_batchOf(attestation), terms, _only(uid), Items.pack(attestation));
    }

    /// @inheritdoc IAttestationRegistry
    function anchor(Batch calldata batch, bytes32 root, uint40 count, bytes calldata signature) external {
        require(count != 0, EmptyBatch());
        if (msg.sender != batch.attester) {
            _requireBatchSigned(batch, ANCHOR, keccak256(abi.encodePacked(root, count)), signature);
        }
        _requirePosition(batch);

        if (!_anchor(batch.attester, batch.schema, root, count)) {
            require(batch.stream == 0, RootTaken(root));
            return;
        }
        bytes32 hash = HeadLib.append(_hashOf(batch.attester, batch.stream), root, count);
        _advance(batch.attester, batch.stream, batch.position, count, hash);
    }

    /// @inheritdoc IAttestationRegistry
    function anchorSigned(
        Statement calldata statement,
        bytes calldata signature
    ) external returns (bytes32 uid) {
        uid = AttestationLib.encode(statement, _domainSeparatorV4()).uid();
        _requireSigned(statement.attester, uid, signature);

        _anchor(statement.attester, statement.schema, uid, 1);
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
            uids[i] = AttestationLib.encode(statements[i], _domainSeparatorV4()).uid();
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
    function revokeLeaves(
        address attester,
        bytes32 schema,
        bytes32 root,
        uint256[] calldata indices,
        string calldata reason,
        uint40 deadline,
        bytes calldata signature
    ) external {
        require(indices.length != 0, EmptyBatch());
        if (msg.sender != attester) {
            _requireLeafRevocationSigned(attester, schema, root, indices, reason, deadline, signature);
        }
        Leaves storage leaves = _leaves[attester][schema][root];
        Root known = leaves.root;
        require(!known.isEmpty(), UnknownRoot(root));
        require(known.isRevocable(), SchemaIrrevocable(schema));

        bool changed = false;
        for (uint256 i = 0; i < indices.length; ++i) {
            uint256 index = indices[i];
            require(index < known.count(), NoSuchLeaf(index, known.count()));
            uint256 bits = leaves.revoked[index >> 8];
            uint256 more = bits | (1 << (index & 255));
            if (more == bits) continue;
            leaves.revoked[index >> 8] = more;
            changed = true;
        }
        if (!changed) return;
        if (!known.isThinned()) leaves.root = known.thin();

        emit LeavesRevoked(attester, schema, root, indices, bytes(reason));
    }

    /// @inheritdoc IAttestationRegistry
    function multicall(bytes[] calldata calls) external returns (bytes[] memory results) {
        results = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            // Of this contract to itself, so that the sender stays who it is.
            // solhint-disable-next-line avoid-low-level-calls
            (bool done, bytes memory result) = address(this).delegatecall(calls[i]);
            if (!done) _revertWith(result);
            results[i] = result;
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
    function isValid(Attestation calldata attestation, Proof calldata proof) external view returns (bool) {
        bytes32 uid = uidOf(attestation);
        bytes32 root = Tree.rootFrom(uid, proof.index, proof.path);
        Leaves storage leaves = _leaves[attestation.attester][attestation.schema][root];
        Root known = leaves.root;

        if (!Leaf.stands(known, _slots[uid].record, attestation, proof)) return false;
        return !attestation.revocable || !_isRevoked(leaves, known, proof.index);
    }

    /// @inheritdoc IAttestationRegistry
    function uidOf(Attestation calldata attestation) public view returns (bytes32) {
        return attestation.uid(_domainSeparatorV4());
    }

    /// @inheritdoc IAttestationRegistry
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
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

    /// @inheritdoc IAttestationRegistry
    function rootOf(
        address attester,
        bytes32 schema,
        bytes32 root
    )
        external
        view
        returns (uint8 level, uint40 committedAt, uint40 count, bool judged, bool revocable, uint40 since)
    {
        Root known = _leaves[attester][schema][root].root;
        (level, committedAt, count, since) = (
            known.level(),
            known.committedAt(),
            known.count(),
            known.since()
        );
        return (level, committedAt, count, known.isJudged(), known.isRevocable(), since);
    }

    /// @inheritdoc IAttestationRegistry
    function standingOf(
        address attester,
        bytes32 schema,
        bytes32 root,
        bytes32 uid
    ) external view returns (Root, Record) {
        return (_leaves[attester][schema][root].root, _slots[uid].record);
    }

    /// @inheritdoc IAttestationRegistry
    function isLeafRevoked(
        address attester,
        bytes32 schema,
        bytes32 root,
        uint256 index
    ) external view returns (bool) {
        Leaves storage leaves = _leaves[attester][schema][root];
        return _isRevoked(leaves, leaves.root, index);
    }

    /// @inheritdoc IAttestationRegistry
    function headOf(address attester, bytes32 stream) external view returns (Head memory) {
        return _heads[attester][stream];
    }

    function _attest(Attestation calldata attestation) private returns (bytes32 uid) {
        Terms memory terms = _termsOf(attestation.schema);
        require(terms.revocable || !attestation.revocable, SchemaIrrevocable(attestation.schema));

        Encoded memory item = AttestationLib.encode(attestation, _domainSeparatorV4());
        uid = item.uid();
        bool stored = _store(uid, item, attestation.data);
        if (terms.resolver == address(0)) return uid;

        require(stored, UidTaken(uid));
        _ask(terms.resolver, RECORD, _batchOf(attestation), _only(uid), Items.pack(attestation));
    }

    /// Stores and announces the items of a batch, and follows its stream if it has one. `uids` are filled in for a
    /// resolver, and empty if there is none. In a stream or under a resolver, no item is passed over.
    function _storeAll(
        Batch calldata batch,
        bytes calldata items,
        bool revocable,
        bytes32[] memory uids
    ) private returns (uint256 recorded, bytes32 hash) {
        hash = _hashOf(batch.attester, batch.stream);
        bool once = batch.stream != 0 || uids.length != 0;
        Encoded memory item = AttestationLib.blank(batch.schema, batch.attester, _domainSeparatorV4());
        uint256 next = Items.FIRST;
        uint256 left = items.count();
        require(left != 0, EmptyBatch());
        for (; left > 0; --left) {
            bytes calldata data;
            (data, next) = items.read(next, item);
            require(revocable || !item.revocable, SchemaIrrevocable(batch.schema));
            bytes32 uid = item.uid();
            if (_store(uid, item, data)) ++recorded;
            else require(!once, UidTaken(uid));
            if (once) {
                hash = HeadLib.append(hash, uid);
                if (uids.length != 0) uids[recorded - 1] = uid;
            }
        }
        require(next == items.length, Items.MalformedItems(next));
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

    /// Keeps the root of uids and announces all items, unless they are sealed already.
    function _seal(
        Batch memory batch,
        Terms memory terms,
        bytes32[] memory uids,
        bytes memory items
    ) private returns (bytes32 root) {
        root = Tree.rootOf(uids);
        Leaves storage leaves = _leaves[batch.attester][batch.schema][root];
        Root known = leaves.root;
        if (known.level() == SEAL) {
            require(batch.stream == 0 && terms.resolver == address(0), RootTaken(root));
            return root;
        }
        // Anchored before: it stays known since then, and what was revoked stays revoked.
        uint256 since = known.isEmpty() ? block.timestamp : known.since();
        Root next = RootLib.pack(since, block.timestamp, uint40(uids.length), SEAL, true, terms.revocable);
        leaves.root = known.isThinned() ? next.thin() : next;

        emit Sealed(batch.attester, batch.schema, root, items);

        if (batch.stream != 0) {
            bytes32 hash = _hashOf(batch.attester, batch.stream);
            for (uint256 i = 0; i < uids.length; ++i) {
                hash = HeadLib.append(hash, uids[i]);
            }
            _advance(batch.attester, batch.stream, batch.position, uids.length, hash);
        }
        if (terms.resolver != address(0)) _ask(terms.resolver, SEAL, batch, uids, items);
    }

    /// Keeps and announces a root, unless it is kept already.
    function _anchor(address attester, bytes32 schema, bytes32 root, uint40 count) private returns (bool) {
        Terms memory terms = _termsOf(schema);
        Leaves storage leaves = _leaves[attester][schema][root];
        if (!leaves.root.isEmpty()) return false;

        bool judged = terms.resolver == address(0);
        leaves.root = RootLib.pack(block.timestamp, block.timestamp, count, ANCHOR, judged, terms.revocable);

        emit Anchored(attester, schema, root, count);
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

    function _uidsOf(
        Batch calldata batch,
        bytes calldata items,
        bool revocable
    ) private view returns (bytes32[] memory uids) {
        uids = new bytes32[](items.count());
        require(uids.length != 0, EmptyBatch());
        Encoded memory item = AttestationLib.blank(batch.schema, batch.attester, _domainSeparatorV4());
        uint256 next = Items.FIRST;
        for (uint256 i = 0; i < uids.length; ++i) {
            (, next) = items.read(next, item);
            require(revocable || !item.revocable, SchemaIrrevocable(batch.schema));
            uids[i] = item.uid();
        }
        require(next == items.length, Items.MalformedItems(next));
    }

    /// The stream ends where the batch expects to begin.
    function _requirePosition(Batch calldata batch) private view {
        uint64 end = batch.stream == 0 ? 0 : _heads[batch.attester][batch.stream].count;
        require(batch.position == end, StreamMoved(batch.stream, batch.position, end));
    }

    function _hashOf(address attester, bytes32 stream) private view returns (bytes32) {
        return stream == 0 ? bytes32(0) : _heads[attester][stream].hash;
    }

    /// Moves the end of a stream, if there is one.
    function _advance(
        address attester,
        bytes32 stream,
        uint64 position,
        uint256 count,
        bytes32 hash
    ) private {
        if (stream == 0) return;

        _heads[attester][stream] = Head(position + uint64(count), hash);

        emit Appended(attester, stream, position, uint64(count), hash);
    }

    /// Hands everything to the resolver, the value included, and has it agree.
    function _ask(
        address resolver,
        uint8 level,
        Batch memory batch,
        bytes32[] memory uids,
        bytes memory items
    ) private {
        require(resolver.code.length != 0, ResolverRefused(resolver));
        bytes4 answer = IResolver(resolver).onAttested{value: msg.value}(
            msg.sender,
            level,
            batch,
            uids,
            items
        );
        require(answer == IResolver.onAttested.selector, ResolverRefused(resolver));
    }

    function _isRevoked(Leaves storage leaves, Root root, uint256 index) private view returns (bool) {
        return root.isThinned() && (leaves.revoked[index >> 8] >> (index & 255)) & 1 != 0;
    }

    function _termsOf(bytes32 schema) private view returns (Terms memory) {
        Terms memory terms = schemaRegistry.termsOf(schema);
        require(terms.exists, UnknownSchema(schema));
        require(msg.value == 0 || terms.resolver != address(0), ValueWithoutResolver());
        return terms;
    }

    /// What another call reverted with, byte by byte: also nothing, which Solidity has no statement for.
    function _revertWith(bytes memory reason) private pure {
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    /// What a statement that is not in a batch shares with itself.
    function _batchOf(Attestation calldata attestation) private pure returns (Batch memory) {
        return Batch(attestation.attester, attestation.schema, 0, 0, 0);
    }

    function _only(bytes32 uid) private pure returns (bytes32[] memory uids) {
        uids = new bytes32[](1);
        uids[0] = uid;
    }
}
