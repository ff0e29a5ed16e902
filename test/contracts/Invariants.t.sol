// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {ISchemaRegistry} from "../../contracts/interfaces/ISchemaRegistry.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Head} from "../../contracts/types/Head.sol";
import {Proof} from "../../contracts/types/Tree.sol";
import {Check} from "./support/Check.sol";
import {Ghosts} from "./support/Ghosts.sol";
import {Busy} from "./support/HostileResolvers.sol";
import {Registries} from "./support/Registries.sol";
import {Trees} from "./support/Trees.sol";
import {vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// What no order of calls can break. That slots and roots only move forward is checked by World after every call.
contract InvariantsSpec is Check {
    IAttestationRegistry private _registry;
    Busy private _resolver;
    World private _world;
    uint256 private _turn;

    function setUp() external {
        ISchemaRegistry schemas = Registries.newSchemas();
        _registry = Registries.newRegistry(schemas);
        bytes32 plain = schemas.register("bool ok", address(0), true);
        _resolver = new Busy(_registry, plain);
        _world = new World(_registry, plain, schemas.register("bool ok", address(_resolver), true));
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_world);
    }

    /// One campaign for all: each invariant of its own would play the same calls again.
    function invariant_HoldsInEveryOrderOfCalls() external {
        vm.warp(_world.time());
        everySlotHoldsWhatWasSaidAndNothingElse();
        isValidMeansRecordedNotRevokedNotExpired();
        everyRootHoldsWhatWasCommitted();
        aLeafIsValidAsLongAsNothingEndedIt();
        everyHeadIsTheReplayOfWhatWasAppended();
        noEthStaysBehind();
    }

    function everySlotHoldsWhatWasSaidAndNothingElse() private view {
        uint256 count = _world.seenCount();
        for (uint256 i = 0; i < count; ++i) {
            bytes32 uid = _world.seen(i);
            (address attester, uint40 time, uint40 expiresAt, bool revocable, bool revoked) = _registry
                .recordOf(uid);
            (
                address wantAttester,
                uint40 wantTime,
                uint40 wantExpiry,
                bool wantRevocable,
                bool wantRevoked
            ) = _world.ghosts(uid);
            equal(attester, wantAttester);
            equal(time, wantTime);
            equal(expiresAt, wantExpiry);
            equal(revocable, wantRevocable);
            equal(revoked, wantRevoked);
        }
    }

    function isValidMeansRecordedNotRevokedNotExpired() private view {
        uint256 time = _world.time();
        uint256 count = _world.seenCount();
        for (uint256 i = 0; i < count; ++i) {
            bytes32 uid = _world.seen(i);
            (, uint40 recordedAt, uint40 expiresAt, , bool revoked) = _world.ghosts(uid);
            bool valid = recordedAt != 0 && !revoked && (expiresAt == 0 || time < expiresAt);
            equal(_registry.isValid(uid), valid);
            equal(_registry.isValid(_world.body(uid)), valid);
            equal(_registry.uidOf(_world.body(uid)), uid);
        }
    }

    function everyRootHoldsWhatWasCommitted() private view {
        uint256 count = _world.rootCount();
        for (uint256 place = 1; place <= count; ++place) {
            Ghosts.GhostRoot memory want = _world.rootAt(place);
            (uint8 level, uint40 time, uint40 leaves, bool judged, bool revocable, uint40 since) = _registry
                .rootOf(want.attester, want.schema, want.root);
            equal(level, want.level);
            equal(time, want.committedAt);
            equal(since, want.since);
            equal(leaves, want.count);
            equal(judged, want.judged);
            equal(revocable, true);
        }
    }

    /// Of the root that was touched last, and of one more in turn: all of them after every call take minutes.
    function aLeafIsValidAsLongAsNothingEndedIt() private {
        if (_world.rootCount() == 0) return;
        everyLeafIsWhatItShouldBe(_world.lastRoot());
        everyLeafIsWhatItShouldBe(1 + (_turn++ % _world.rootCount()));
    }

    function everyLeafIsWhatItShouldBe(uint256 place) private view {
        Ghosts.GhostRoot memory ghost = _world.rootAt(place);
        uint256 time = _world.time();
        for (uint256 i = 0; i < ghost.uids.length; ++i) {
            Attestation memory a = _world.body(ghost.uids[i]);
            (, , , , bool revoked) = _world.ghosts(ghost.uids[i]);
            bool leafRevoked = _world.leafRevoked(place, i);
            equal(_registry.isLeafRevoked(ghost.attester, ghost.schema, ghost.root, i), leafRevoked);

            // An issuer who counted wrongly has disowned leaves.
            bool has = i < ghost.count && Trees.heightOf(ghost.count) == Trees.heightOf(ghost.uids.length);
            bool ended = a.revocable && (revoked || leafRevoked);
            bool valid = ghost.judged && has && !ended && (a.expiresAt == 0 || time < a.expiresAt);
            Proof memory proof = Trees.proofOf(ghost.uids, i);
            equal(_registry.isValid(a, proof), valid);
            // Its place is one place.
            if (i > 0 && ghost.uids[0] != ghost.uids[i]) {
                proof.index = 0;
                equal(_registry.isValid(a, proof), false);
            }
        }
    }

    function everyHeadIsTheReplayOfWhatWasAppended() private view {
        for (uint256 pick = 0; pick < 6; ++pick) {
            address issuer = _world.issuerAt(pick);
            bytes32 stream = _world.streamAt(pick / 3);
            Ghosts.Link[] memory links = _world.linksOf(issuer, stream);
            bytes32 hash;
            uint256 count;
            for (uint256 i = 0; i < links.length; ++i) {
                bool isUid = links[i].count == 0;
                hash =
                    isUid
                        ? keccak256(abi.encodePacked(hash, links[i].hash))
                        : keccak256(abi.encodePacked(hash, links[i].hash, uint256(links[i].count)));
                count += isUid ? 1 : links[i].count;
            }
            headIs(issuer, stream, count, hash);
            headIs(issuer, 0, 0, 0);
        }
        headIs(address(_resolver), _resolver.STREAM(), _resolver.count(), _resolver.hash());
    }

    function noEthStaysBehind() private view {
        equal(address(_registry).balance, 0);
        equal(address(_registry.schemaRegistry()).balance, 0);
        equal(address(_resolver).balance, _world.paid());
    }

    function headIs(address attester, bytes32 stream, uint256 count, bytes32 hash) private view {
        Head memory head = _registry.headOf(attester, stream);
        equal(head.count, count);
        equal(head.hash, hash);
    }
}
