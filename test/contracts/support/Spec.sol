// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {ISchemaRegistry} from "../../../contracts/interfaces/ISchemaRegistry.sol";
import {Attestation, Encoded, Statement} from "../../../contracts/types/Attestation.sol";
import {Items} from "../../../contracts/types/Items.sol";
import {Record} from "../../../contracts/types/Record.sol";
import {Root} from "../../../contracts/types/Root.sol";
import {Proof} from "../../../contracts/types/Tree.sol";
import {Check} from "./Check.sol";
import {Digests} from "./Digests.sol";
import {Gate} from "./Gate.sol";
import {Packing} from "./Packing.sol";
import {Registries} from "./Registries.sol";
import {Trees} from "./Trees.sol";
import {vm} from "./Vm.sol";

/// A registry with a schema, an issuer with a key, and a relayer who has nothing but gas.
abstract contract Spec is Check {
    uint256 internal constant NOW = 1_800_000_000;
    uint40 internal constant DEADLINE = uint40(NOW + 1 hours);
    uint256 internal constant ISSUER_KEY = 0xA11CE;

    // As IAttestationRegistry numbers them.
    uint8 internal constant RECORDED = 0;
    uint8 internal constant SEALED = 1;
    uint8 internal constant ANCHORED = 2;

    ISchemaRegistry internal schemas;
    IAttestationRegistry internal registry;
    Gate internal gate;
    bytes32 internal schema;
    bytes32 internal firmSchema;
    bytes32 internal resolverSchema;

    address internal issuer = vm.addr(ISSUER_KEY);
    address internal relayer = address(0x5E17DE5);
    address internal constant RESOLVER = address(0x4E5);

    function setUp() public virtual {
        vm.warp(NOW);
        schemas = Registries.newSchemas();
        registry = Registries.newRegistry(schemas);
        gate = Registries.newGate(registry);
        schema = schemas.register("uint64 score,string note", address(0), true);
        firmSchema = schemas.register("uint64 score,string note", address(0), false);
        resolverSchema = schemas.register("uint64 score,string note", RESOLVER, true);
    }

    /// The packed items are this one, with all its fields.
    function readsBack(Attestation memory a, bytes calldata items) external pure {
        Encoded memory item;
        equal(Items.count(items), 1);
        (bytes calldata data, uint256 next) = Items.read(items, Items.FIRST, item);
        equal(next, items.length);
        equal(data, a.data);
        equal(item.recipient, a.recipient);
        equal(item.ref, a.ref);
        equal(item.expiresAt, a.expiresAt);
        equal(item.revocable, a.revocable);
        equal(item.salt, a.salt);
    }

    function sample() internal view returns (Attestation memory) {
        return
            Attestation({
                schema: schema,
                attester: issuer,
                recipient: address(0xB0B),
                ref: keccak256("ref"),
                expiresAt: uint40(NOW + 1 days),
                revocable: true,
                salt: bytes32(bytes8(keccak256("salt"))),
                data: abi.encode(uint64(7), "note")
            });
    }

    /// Any statement of the issuer under a schema that allows revocation.
    function ours(Attestation memory a) internal view returns (Attestation memory) {
        a.schema = schema;
        a.attester = issuer;
        return a;
    }

    function many(uint256 count) internal view returns (Attestation[] memory items) {
        items = new Attestation[](count);
        for (uint256 i = 0; i < count; ++i) {
            items[i] = sample();
            items[i].salt = keccak256(abi.encode("many", i));
        }
    }

    function one(Attestation memory a) internal pure returns (Attestation[] memory items) {
        items = new Attestation[](1);
        items[0] = a;
    }

    function one(bytes32 uid) internal pure returns (bytes32[] memory uids) {
        uids = new bytes32[](1);
        uids[0] = uid;
    }

    function only(uint256 index) internal pure returns (uint256[] memory indices) {
        indices = new uint256[](1);
        indices[0] = index;
    }

    function one(Statement memory statement) internal pure returns (Statement[] memory statements) {
        statements = new Statement[](1);
        statements[0] = statement;
    }

    function batchOf(address attester) internal view returns (Batch memory) {
        return Batch({attester: attester, schema: schema, stream: 0, position: 0, deadline: DEADLINE});
    }

    function packed(Attestation memory a) internal pure returns (bytes memory) {
        return Packing.pack(one(a));
    }

    /// As the registry packs one that did not come packed: every field is there.
    function packedAtLength(Attestation memory a) internal pure returns (bytes memory) {
        return bytes.concat(hex"0001", Packing.packItemAtLength(a));
    }

    function uidOf(Attestation memory a) internal view returns (bytes32) {
        return Digests.uid(address(registry), a);
    }

    function uidsOf(Attestation[] memory items) internal view returns (bytes32[] memory uids) {
        uids = new bytes32[](items.length);
        for (uint256 i = 0; i < items.length; ++i) uids[i] = uidOf(items[i]);
    }

    function bodiless(Attestation memory a) internal pure returns (Statement memory) {
        return
            Statement(
                a.schema,
                a.attester,
                a.recipient,
                a.ref,
                a.expiresAt,
                a.revocable,
                a.salt,
                keccak256(a.data)
            );
    }

    function signed(bytes32 digest) internal pure returns (bytes memory) {
        return signedBy(ISSUER_KEY, digest);
    }

    function signedBy(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function signedBatch(Batch memory batch, bytes memory items) internal view returns (bytes memory) {
        return signed(Digests.batch(address(registry), batch, items));
    }

    function signedBatch(
        Batch memory batch,
        bytes memory items,
        uint8 level
    ) internal view returns (bytes memory) {
        return signed(Digests.batch(address(registry), batch, items, level, 0));
    }

    function signedAnchor(
        Batch memory batch,
        bytes32 root,
        uint40 count
    ) internal view returns (bytes memory) {
        return signedBatch(batch, abi.encodePacked(root, count), ANCHORED);
    }

    function signedLeafRevocation(
        bytes32 root,
        uint256[] memory indices,
        string memory reason,
        uint40 deadline
    ) internal view returns (bytes memory) {
        return
            signed(
                Digests.leafRevocation(address(registry), issuer, schema, root, indices, reason, deadline)
            );
    }

    function signedRevocation(
        bytes32[] memory uids,
        string memory reason,
        uint40 deadline
    ) internal view returns (bytes memory) {
        return signed(Digests.revocation(address(registry), issuer, uids, reason, deadline));
    }

    function attest(Attestation memory a) internal returns (bytes32) {
        vm.prank(a.attester);
        return registry.attest(a);
    }

    function seal(Attestation[] memory items) internal returns (bytes32) {
        vm.prank(issuer);
        return registry.seal(batchOf(issuer), Packing.pack(items), "");
    }

    /// By nothing but its own signature, which anybody can bring.
    function sealSigned(Attestation memory a) internal returns (bytes32) {
        bytes memory signature = signed(uidOf(a));
        vm.prank(relayer);
        return registry.sealSigned(a, signature);
    }

    function anchorSigned(Attestation memory a) internal returns (bytes32) {
        bytes memory signature = signed(uidOf(a));
        Statement memory statement = bodiless(a);
        vm.prank(relayer);
        return registry.anchorSigned(statement, signature);
    }

    function anchor(bytes32 root, uint256 count) internal {
        vm.prank(issuer);
        registry.anchor(batchOf(issuer), root, uint40(count), "");
    }

    function revokeLeaves(bytes32 root, uint256[] memory indices) internal {
        vm.prank(issuer);
        registry.revokeLeaves(issuer, schema, root, indices, "", 0, "");
    }

    function revoke(bytes32 uid) internal {
        vm.prank(issuer);
        registry.revoke(one(uid), "");
    }

    function expectAttested(Attestation memory a) internal {
        bytes32 uid = uidOf(a);
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Attested(
            uid,
            a.attester,
            a.recipient,
            a.schema,
            a.ref,
            a.expiresAt,
            a.revocable,
            a.salt,
            a.data
        );
    }

    function expectRevoked(bytes32 uid, string memory reason) internal {
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Revoked(uid, issuer, bytes(reason));
    }

    function expectSealed(bytes32 root, bytes memory items) internal {
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Sealed(issuer, schema, root, items);
    }

    function expectAnchored(bytes32 root, uint40 count) internal {
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Anchored(issuer, schema, root, count);
    }

    /// The slot says all of this, by every function that reads it.
    function holds(Attestation memory a, uint256 recordedAt, bool revoked) internal view {
        bytes32 uid = uidOf(a);
        (address attester, uint40 time, uint40 expiresAt, bool revocable, bool gone) = registry.recordOf(uid);
        equal(attester, a.attester);
        equal(time, recordedAt);
        equal(expiresAt, a.expiresAt);
        equal(revocable, a.revocable);
        equal(gone, revoked);
        equal(registry.attesterOf(uid), a.attester);
        bool valid = recordedAt != 0 && !revoked && (a.expiresAt == 0 || block.timestamp < a.expiresAt);
        equal(registry.isValid(uid), valid);
        equal(registry.isValid(a), valid);
    }

    function nothingIsKnownOf(bytes32 uid) internal view {
        (address attester, uint40 time, uint40 expiresAt, bool revocable, bool revoked) = registry.recordOf(
            uid
        );
        equal(attester, address(0));
        equal(time, 0);
        equal(expiresAt, 0);
        equal(revocable || revoked, false);
        equal(registry.attesterOf(uid), address(0));
        equal(registry.isValid(uid), false);
    }

    /// The slot of a root of the issuer's under the schema says all of this, by every function that reads it.
    function keeps(
        bytes32 root,
        uint8 level,
        uint256 committedAt,
        uint256 count,
        bool thinned
    ) internal view {
        keeps(Root.wrap((3 << 88) | (uint256(level) << 80) | (count << 40) | committedAt), schema, root);
        (Root known, ) = registry.standingOf(issuer, schema, root, 0);
        equal(known.isThinned(), thinned);
    }

    /// The same of any schema; whether leaves are revoked, and since when it is known, does not matter.
    function keeps(Root want, bytes32 schema_, bytes32 root) internal view {
        (uint8 level, uint40 committedAt, uint40 count, bool judged, bool revocable, uint40 since) = registry
            .rootOf(issuer, schema_, root);
        equal(level, want.level());
        equal(committedAt, want.committedAt());
        equal(count, want.count());
        equal(judged, want.isJudged());
        equal(revocable, want.isRevocable());
        (Root known, Record record) = registry.standingOf(issuer, schema_, root, 0);
        equal(known.since(), since);
        yes((since == 0) == known.isEmpty() && since <= committedAt, "known since a time that is not");
        Root bare = Root.wrap(Root.unwrap(known) - (uint256(since) << 96));
        equal(bare.isThinned() ? Root.unwrap(want.thin()) : Root.unwrap(want), Root.unwrap(bare));
        yes(record.isEmpty(), "nothing is said under zero");
    }

    function nothingIsKnownOfRoot(bytes32 root) internal view {
        keeps(Root.wrap(0), schema, root);
    }

    /// Whether an attestation is valid at a place: the registry and the library Leaf agree.
    function proves(Attestation memory a, Proof memory proof, bool want) internal view {
        equal(registry.isValid(a, proof), want);
        try gate.enter(a, proof) {
            yes(want, "the gate lets in what is not valid");
        } catch (bytes memory reason) {
            equal(reason, abi.encodeWithSelector(Gate.Closed.selector));
            yes(!want, "the gate keeps out what is valid");
        }
    }

    /// The same of the only leaf of a tree, whose root is its uid.
    function provesAlone(Attestation memory a, bool want) internal view {
        proves(a, Proof(0, new bytes32[](0)), want);
    }

    /// Every one of the items is valid at its own place of their tree, or none is.
    function proves(Attestation[] memory items, bool want) internal view {
        bytes32[] memory uids = uidsOf(items);
        for (uint256 i = 0; i < items.length; ++i) proves(items[i], Trees.proofOf(uids, i), want);
    }
}
