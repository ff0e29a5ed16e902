// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {IResolver} from "../../contracts/interfaces/IResolver.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {ANCHOR, RECORD, SEAL} from "../../contracts/types/Batch.sol";
import {Head} from "../../contracts/types/Head.sol";
import {Digests} from "./support/Digests.sol";
import {Devouring, Objecting, Reentrant, Verbose, Witness} from "./support/HostileResolvers.sol";
import {Packing} from "./support/Packing.sol";
import {ResolverSpec} from "./support/ResolverSpec.sol";
import {vm, Vm} from "./support/Vm.sol";
import {Answering} from "./support/Wallets.sol";

/// What a resolver is asked, when, and what becomes of the value and of its answer.
contract ResolverCallsSpec is ResolverSpec {
    Witness private _witness;

    function setUp() public override {
        super.setUp();
        _witness = new Witness();
        names(address(_witness));
    }

    function test_RefusesAResolverWithoutCode() external {
        names(address(0xDEAD));
        refusesEverywhere(abi.encodeWithSelector(IAttestationRegistry.ResolverRefused.selector, 0xDEAD));
    }

    function test_RefusesAnyAnswerButTheSelector() external {
        bytes4[3] memory answers = [
            bytes4(0),
            bytes4(0x1626ba7e),
            IResolver.onAttested.selector ^ bytes4(uint32(1))
        ];
        for (uint256 i = 0; i < 3; ++i) {
            names(address(new Answering(abi.encode(answers[i]))));
            refusesEverywhere(
                abi.encodeWithSelector(IAttestationRegistry.ResolverRefused.selector, resolver)
            );
        }
    }

    /// Not an answer at all: the decoder has no words for it.
    function test_RefusesAnAnswerThatIsTooShortOrNotPadded() external {
        names(address(new Answering("")));
        refusesEverywhere("");
        names(address(new Answering(abi.encodePacked(IResolver.onAttested.selector))));
        refusesEverywhere("");
        names(address(new Answering(abi.encodePacked(IResolver.onAttested.selector, uint224(1)))));
        refusesEverywhere("");
    }

    function test_TheResolversOwnWordsComeThroughAndEverythingIsUndone() external {
        names(address(new Objecting()));
        for (uint256 way = 0; way < ALL_WAYS; ++way) {
            Attestation[] memory items = saidBy(way, judgedOnes(3));
            bytes32 first = uidOf(items[0]);
            refuses(way, items, 5, abi.encodeWithSelector(Objecting.Objection.selector, first, 5));
            for (uint256 i = 0; i < items.length; ++i) nothingIsKnownOf(uidOf(items[i]));
            rootIs(items, RECORD, 0);
        }
        Attestation[] memory ones = judgedOnes(2);
        Batch memory batch = judgedBatch(issuer, "stream", 0);
        bytes memory error_ = abi.encodeWithSelector(Objecting.Objection.selector, uidOf(ones[0]), 0);
        equal(send(issuer, 0, recordCall(batch, Packing.pack(ones)), false), error_);
        equal(send(issuer, 0, sealCall(batch, Packing.pack(ones)), false), error_);
        headIs(issuer, "stream", 0, 0);
    }

    function test_RefusesValueWithoutAResolverAtEveryPayableEntry() external {
        for (uint256 way = 0; way < ALL_WAYS; ++way) {
            bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.ValueWithoutResolver.selector);
            refuses(way, saidBy(way, many(2)), 1, error_);
        }
        nothingIsKnownOf(uidOf(many(1)[0]));
    }

    function test_RefusesValueWithAnEmptyBatch() external {
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector);
        Batch memory batch = judgedBatch(issuer, 0, 0);
        equal(send(issuer, 1, recordCall(batch, hex"0000"), false), error_);
        equal(send(issuer, 1, sealCall(batch, hex"0000"), false), error_);
        equal(_witness.calls(), 0);
    }

    function test_RefusesAnyOtherValueThanTheIssuerSigned() external {
        Attestation[] memory items = judgedOnes(2);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer);
        for (uint256 way = 3; way < WAYS; way += 2) {
            equal(send(relayer, 6, callOf(way, items, 5), false), error_);
            equal(send(relayer, 4, callOf(way, items, 5), false), error_);
            equal(send(relayer, 0, callOf(way, items, 5), false), error_);
            equal(send(relayer, 5, callOf(way, items, 0), false), error_);
            send(relayer, 5, callOf(way, items, 5), true);
        }
        equal(address(_witness).balance, 10);
    }

    /// A statement by its own signature says nothing of value: that is the sender's affair, and the resolver's.
    function testFuzz_AnyValueMayComeWithOneStatement(uint128 value, bool isSealed) external {
        uint256 way = isSealed ? 7 : 1;
        send(way, judgedOnes(1), value);
        equal(_witness.calls(), 1);
        equal(_witness.value(), value);
        equal(address(_witness).balance, value);
    }

    /// So that nothing is judged, or paid for, twice.
    function test_RefusesToAskAgainAboutWhatIsRecorded() external {
        Attestation[] memory items = judgedOnes(1);
        send(0, items, 3);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.UidTaken.selector, uidOf(items[0]));
        for (uint256 way = 0; way < 4; ++way) refuses(way, items, 3, error_);
        Attestation[] memory more = judgedOnes(3);
        (more[0], more[2]) = (more[2], more[0]);
        for (uint256 way = 2; way < 4; ++way) refuses(way, more, 3, error_);
        nothingIsKnownOf(uidOf(more[0]));
        equal(_witness.calls(), 1);
        equal(address(_witness).balance, 3);
    }

    function test_RefusesADuplicateWithinABatch() external {
        Attestation[] memory items = judgedOnes(2);
        items[1] = items[0];
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.UidTaken.selector, uidOf(items[0]));
        for (uint256 way = 2; way < 4; ++way) refuses(way, items, 0, error_);
        nothingIsKnownOf(uidOf(items[0]));
    }

    function test_RefusesToAskAboutWhatWasRevokedBeforeItWasRecorded() external {
        Attestation[] memory items = judgedOnes(1);
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(items[0])), "", 0, "");
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.UidTaken.selector, uidOf(items[0]));
        for (uint256 way = 0; way < 4; ++way) refuses(way, items, 1, error_);
        equal(_witness.calls(), 0);
        holds(items[0], 0, true);
    }

    function test_RefusesToAskAgainAboutARootThatIsSealed() external {
        Attestation[] memory items = judgedOnes(3);
        send(4, items, 3);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.RootTaken.selector, rootOf(items));
        refuses(4, items, 3, error_);
        refuses(5, items, 3, error_);
        equal(_witness.calls(), 1);
        equal(address(_witness).balance, 3);
    }

    /// By itself or as a batch, it is the same root.
    function test_RefusesToAskAgainAboutOneStatementThatIsSealed() external {
        for (uint256 first = 4; first < ALL_WAYS; ++first) {
            Attestation[] memory items = saltedOnes(first, 1);
            send(first, items, 1);
            bytes memory error_ = abi.encodeWithSelector(
                IAttestationRegistry.RootTaken.selector,
                uidOf(items[0])
            );
            for (uint256 way = 4; way < ALL_WAYS; ++way) refuses(way, items, 3, error_);
        }
        equal(_witness.calls(), 4);
        equal(address(_witness).balance, 4);
    }

    function test_AsksOnceAtEveryEntryWithEverythingThatWasSaid() external {
        for (uint256 way = 0; way < ALL_WAYS; ++way) asksWithEverything(way, saltedOnes(way, 3), way);
    }

    function testFuzz_AsksOnceAtEveryEntryWithEverythingThatWasSaid(
        uint256 way,
        Attestation[3] memory several,
        uint128 value
    ) external {
        Attestation[] memory items = new Attestation[](3);
        for (uint256 i = 0; i < 3; ++i) {
            items[i] = ours(several[i]);
            items[i].schema = judged;
            items[i].salt = keccak256(abi.encode(items[i].salt, i));
        }
        asksWithEverything(way % ALL_WAYS, items, value);
    }

    /// The witness reads while it is asked, and it is asked behind all events.
    function test_AsksAfterStateAndEventsAreWritten() external {
        Batch memory batch = judgedBatch(issuer, "stream", 0);
        Attestation[] memory items = judgedOnes(3);
        vm.recordLogs();
        send(issuer, 0, recordCall(batch, Packing.pack(items)), true);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        equal(logs.length, 5);
        for (uint256 i = 0; i < 3; ++i) equal(logs[i].topics[0], IAttestationRegistry.Attested.selector);
        equal(logs[3].topics[0], IAttestationRegistry.Appended.selector);
        equal(logs[4].topics[0], Witness.Asked.selector);
        Head memory head = Head(3, chained(0, items));
        bool[] memory valid = new bool[](3);
        (valid[0], valid[1], valid[2]) = (true, true, true);
        equal(_witness.sight(), abi.encode(valid, RECORD, 0, false, head));

        batch.position = 3;
        items = saltedOnes(1, 3);
        vm.recordLogs();
        send(issuer, 0, sealCall(batch, Packing.pack(items)), true);
        logs = vm.getRecordedLogs();
        equal(logs.length, 3);
        equal(logs[0].topics[0], IAttestationRegistry.Sealed.selector);
        equal(logs[1].topics[0], IAttestationRegistry.Appended.selector);
        equal(logs[2].topics[0], Witness.Asked.selector);
        head = Head(6, chained(head.hash, items));
        equal(_witness.sight(), abi.encode(new bool[](3), SEAL, 3, true, head));

        vm.recordLogs();
        send(7, saltedOnes(2, 1), 0);
        logs = vm.getRecordedLogs();
        equal(logs.length, 2);
        equal(logs[0].topics[0], IAttestationRegistry.Sealed.selector);
        equal(logs[1].topics[0], Witness.Asked.selector);
        equal(_witness.sight(), abi.encode(new bool[](1), SEAL, 1, true, Head(0, 0)));
    }

    function testFuzz_ASingleAttestationReadsBackFromThePackedItems(Attestation memory a) external {
        a = ours(a);
        a.schema = judged;
        // Sealed first: what is recorded is not judged once more.
        for (uint256 i = 0; i < 2; ++i) {
            send(i == 0 ? WAYS : 0, one(a), 0);
            (, , , , bytes memory items) = this.decode(_witness.question());
            this.readsBack(a, items);
        }
        equal(_witness.calls(), 2);
    }

    function test_IsNotAskedAboutAnchorsAndRevocations() external {
        Attestation[] memory items = judgedOnes(3);
        send(2, items, 0);
        send(4, items, 0);
        equal(_witness.calls(), 2);

        Batch memory batch = judgedBatch(issuer, 0, 0);
        Attestation memory other = saltedOnes(1, 1)[0];
        bytes[6] memory calls = [
            abi.encodeCall(IAttestationRegistry.anchorSigned, (bodiless(other), signed(uidOf(other)))),
            abi.encodeCall(IAttestationRegistry.anchor, (batch, "root", 9, "")),
            abi.encodeCall(IAttestationRegistry.revoke, (one(uidOf(items[0])), "")),
            abi.encodeCall(IAttestationRegistry.revokeSigned, (issuer, one(uidOf(items[1])), "", 0, "")),
            abi.encodeCall(IAttestationRegistry.revokeUnrecorded, (one(bodiless(items[2])), "", 0, "")),
            abi.encodeCall(
                IAttestationRegistry.revokeLeaves,
                (issuer, judged, rootOf(items), only(0), "", 0, "")
            )
        ];
        for (uint256 i = 0; i < 6; ++i) {
            send(issuer, 1, calls[i], false);
            vm.recordLogs();
            send(issuer, 0, calls[i], true);
            equal(vm.getRecordedLogs().length, 1);
        }
        equal(_witness.calls(), 2);
    }

    /// An anchor is not judged; sealing it is.
    function test_AsksWhenAnAnchorIsSealed() external {
        Attestation[] memory items = judgedOnes(3);
        Batch memory batch = judgedBatch(issuer, 0, 0);
        bytes32 root = rootOf(items);
        send(issuer, 0, abi.encodeCall(IAttestationRegistry.anchor, (batch, root, 3, "")), true);
        (, , , bool isJudged, , ) = registry.rootOf(issuer, judged, root);
        equal(isJudged, false);
        send(5, items, 4);
        (, , , isJudged, , ) = registry.rootOf(issuer, judged, root);
        equal(isJudged, true);
        equal(_witness.calls(), 1);
        equal(_witness.value(), 4);

        items = saltedOnes(1, 1);
        root = anchorSigned(items[0]);
        (, , , isJudged, , ) = registry.rootOf(issuer, judged, root);
        equal(isJudged, false);
        provesAlone(items[0], false);
        send(7, items, 5);
        (, , , isJudged, , ) = registry.rootOf(issuer, judged, root);
        equal(isJudged, true);
        provesAlone(items[0], true);
        equal(_witness.calls(), 2);
        equal(_witness.value(), 5);
    }

    function decode(
        bytes calldata question
    ) external pure returns (address, uint8, Batch memory, bytes32[] memory, bytes memory) {
        return abi.decode(question[4:], (address, uint8, Batch, bytes32[], bytes));
    }

    function asksWithEverything(uint256 way, Attestation[] memory items, uint256 value) private {
        items = saidBy(way, items);
        uint256 before = _witness.calls();
        uint256 balance = address(_witness).balance;
        send(way, items, value);

        equal(_witness.calls(), before + 1);
        equal(_witness.value(), value);
        equal(address(_witness).balance, balance + value);
        Batch memory batch = Batch(issuer, judged, 0, 0, isSingle(way) ? 0 : DEADLINE);
        bytes memory packed_ = isSingle(way) ? packedAtLength(items[0]) : Packing.pack(items);
        equal(
            _witness.question(),
            abi.encodeCall(IResolver.onAttested, (senderOf(way), levelOf(way), batch, uidsOf(items), packed_))
        );
        for (uint256 i = 0; i < items.length; ++i) {
            if (levelOf(way) == RECORD) holds(items[i], NOW, false);
            else nothingIsKnownOf(uidOf(items[i]));
        }
        if (levelOf(way) == SEAL) rootIs(items, SEAL, uint40(items.length));
    }

    /// Nothing is left of a refused call: no slot, no root, no value.
    function refusesEverywhere(bytes memory error_) private {
        Attestation[] memory items = judgedOnes(1);
        for (uint256 way = 0; way < ALL_WAYS; ++way) refuses(way, items, 0, error_);
        nothingIsKnownOf(uidOf(items[0]));
        rootIs(items, RECORD, 0);
    }

    function rootIs(Attestation[] memory items, uint8 level, uint40 count) private view {
        (uint8 gotLevel, , uint40 gotCount, , , ) = registry.rootOf(issuer, judged, rootOf(items));
        equal(gotLevel, level);
        equal(gotCount, count);
    }

    function headIs(address attester, bytes32 stream, uint64 count, bytes32 hash) private view {
        Head memory head = registry.headOf(attester, stream);
        equal(head.count, count);
        equal(head.hash, hash);
    }

    function chained(bytes32 hash, Attestation[] memory items) private view returns (bytes32) {
        for (uint256 i = 0; i < items.length; ++i) hash = keccak256(abi.encodePacked(hash, uidOf(items[i])));
        return hash;
    }

    function saltedOnes(uint256 salt, uint256 count) private view returns (Attestation[] memory items) {
        items = judgedOnes(count);
        for (uint256 i = 0; i < count; ++i) items[i].salt = keccak256(abi.encode("salted", salt, i));
    }

    function recordCall(Batch memory batch, bytes memory items) private pure returns (bytes memory) {
        return abi.encodeCall(IAttestationRegistry.record, (batch, items, ""));
    }

    function sealCall(Batch memory batch, bytes memory items) private pure returns (bytes memory) {
        return abi.encodeCall(IAttestationRegistry.seal, (batch, items, ""));
    }
}

/// Resolvers that call back, burn, shout or keep ETH moving: the registry is left as if the calls had come in a row.
contract HostileResolversSpec is ResolverSpec {
    bytes32 private constant STREAM = "stream";
    Reentrant private _hostile;

    function setUp() public override {
        super.setUp();
        _hostile = new Reentrant();
        names(address(_hostile));
    }

    function test_ItemsThatAreBeingRecordedCannotBeRecordedFromInside() external {
        for (uint256 way = 0; way < 4; ++way) {
            for (uint256 inside = 0; inside < 4; ++inside) {
                Attestation[] memory items = newOnes(way * 4 + inside, 1);
                uint256 act = plan(0, callOf(inside | 1, items, 0));
                send(way, items, 0);
                fails(act, abi.encodeWithSelector(IAttestationRegistry.UidTaken.selector, uidOf(items[0])));
                holds(items[0], NOW, false);
            }
        }
        equal(_hostile.calls(), 16);
    }

    function test_ARootThatIsBeingSealedCannotBeSealedFromInside() external {
        Attestation[] memory items = newOnes(0, 3);
        uint256 act = plan(0, callOf(5, items, 0));
        send(4, items, 0);
        fails(act, abi.encodeWithSelector(IAttestationRegistry.RootTaken.selector, rootOf(items)));
        equal(_hostile.calls(), 1);
        level(judged, rootOf(items), SEAL);
    }

    function test_OneStatementThatIsBeingSealedCannotBeSealedFromInside() external {
        for (uint256 way = 4; way < ALL_WAYS; ++way) {
            for (uint256 inside = 5; inside < ALL_WAYS; inside += 2) {
                Attestation[] memory items = newOnes(way * ALL_WAYS + inside, 1);
                uint256 act = plan(0, callOf(inside, items, 0));
                send(way, items, 0);
                fails(act, abi.encodeWithSelector(IAttestationRegistry.RootTaken.selector, rootOf(items)));
                level(judged, rootOf(items), SEAL);
            }
        }
        equal(_hostile.calls(), 8);
    }

    function test_OneStatementThatIsBeingSealedStaysSealedWhenItIsAnchoredFromInside() external {
        Attestation memory a = newOnes(0, 1)[0];
        uint256 act = plan(
            0,
            abi.encodeCall(IAttestationRegistry.anchorSigned, (bodiless(a), signed(uidOf(a))))
        );
        vm.recordLogs();
        send(7, one(a), 0);
        works(act);
        equal(vm.getRecordedLogs().length, 1);
        level(judged, uidOf(a), SEAL);
        provesAlone(a, true);
    }

    function test_ItemsThatAreBeingRecordedMayBeSealedFromInsideAndAreJudgedOnceMore() external {
        Attestation[] memory items = newOnes(0, 3);
        uint256 act = plan(0, callOf(5, items, 0));
        vm.recordLogs();
        send(2, items, 0);
        works(act);
        equal(vm.getRecordedLogs().length, 4);
        equal(_hostile.calls(), 2);
        level(judged, rootOf(items), SEAL);
        for (uint256 i = 0; i < 3; ++i) holds(items[i], NOW, false);
    }

    function test_ARootThatIsBeingSealedStaysSealedWhenItIsAnchoredFromInside() external {
        Attestation[] memory items = newOnes(0, 3);
        Batch memory batch = judgedBatch(issuer, 0, 0);
        bytes32 root = rootOf(items);
        uint256 first = plan(0, anchorCall(batch, root, 7));
        batch.stream = STREAM;
        uint256 second = plan(0, anchorCall(batch, root, 7));
        send(4, items, 0);
        works(first);
        fails(second, abi.encodeWithSelector(IAttestationRegistry.RootTaken.selector, root));
        (uint8 level_, , uint40 count, bool isJudged, , ) = registry.rootOf(issuer, judged, root);
        equal(level_, SEAL);
        equal(count, 3);
        equal(isJudged, true);
        equal(registry.headOf(issuer, STREAM).count, 0);
    }

    function test_WhatIsBeingRecordedCanBeRevokedFromInsideAndStaysRevoked() external {
        Attestation[] memory items = newOnes(0, 3);
        uint40 deadline = DEADLINE;
        bytes32[] memory uids = one(uidOf(items[1]));
        uint256 act = plan(
            0,
            abi.encodeCall(
                IAttestationRegistry.revokeSigned,
                (issuer, uids, "", deadline, signedRevocation(uids, "", deadline))
            )
        );
        equal(abi.decode(send(2, items, 0), (uint256)), 3);
        works(act);
        holds(items[0], NOW, false);
        holds(items[1], NOW, true);
        holds(items[2], NOW, false);
    }

    /// Nobody but the issuer, that is: the resolver has no more say than any caller.
    function test_AResolverRevokesNothingOfOthers() external {
        Attestation[] memory items = newOnes(0, 1);
        bytes32 uid = uidOf(items[0]);
        uint256[] memory indices = new uint256[](1);
        uint256 uids = plan(0, abi.encodeCall(IAttestationRegistry.revoke, (one(uid), "")));
        uint256 leaves = plan(
            0,
            abi.encodeCall(
                IAttestationRegistry.revokeLeaves,
                (issuer, judged, uid, indices, "", DEADLINE, "")
            )
        );
        send(0, items, 0);
        fails(uids, abi.encodeWithSelector(IAttestationRegistry.AttestedByAnother.selector, uid, issuer));
        fails(
            leaves,
            abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, issuer, address(_hostile))
        );
        holds(items[0], NOW, false);
    }

    /// The issuer is the resolver: everything that it says from inside needs no signature.
    function test_LeavesThatAreBeingSealedCanBeRevokedFromInside() external {
        Attestation[] memory items = newOnes(0, 3);
        for (uint256 i = 0; i < 3; ++i) items[i].attester = address(_hostile);
        Batch memory batch = judgedBatch(address(_hostile), 0, 0);
        bytes32 root = rootOf(items);
        uint256[] memory indices = new uint256[](1);
        indices[0] = 2;
        uint256 outer = plan(0, abi.encodeCall(IAttestationRegistry.seal, (batch, Packing.pack(items), "")));
        uint256 inner = plan(
            0,
            abi.encodeCall(
                IAttestationRegistry.revokeLeaves,
                (address(_hostile), judged, root, indices, "", 0, "")
            )
        );
        send(0, newOnes(1, 1), 0);
        works(outer);
        works(inner);
        equal(registry.isLeafRevoked(address(_hostile), judged, root, 2), true);
        equal(registry.isLeafRevoked(address(_hostile), judged, root, 1), false);
    }

    function test_AStreamThatIsBeingAppendedToHasMovedAlready() external {
        Attestation[] memory inner = newOnes(1, 2);
        bytes memory moved = abi.encodeWithSelector(IAttestationRegistry.StreamMoved.selector, STREAM, 0, 3);
        uint256 first = plan(0, appendCall(RECORD, 0, inner));
        uint256 second = plan(0, appendCall(SEAL, 0, inner));
        uint256 third = plan(0, appendCall(ANCHOR, 0, inner));
        appends(RECORD, newOnes(0, 3), 0);
        fails(first, moved);
        fails(second, moved);
        fails(third, moved);
        equal(registry.headOf(issuer, STREAM).count, 3);
    }

    function test_AnAppendFromInsideIsNotLostAndNotOverwritten() external {
        for (uint8 outer = RECORD; outer < ANCHOR; ++outer) {
            for (uint8 inner = RECORD; inner <= ANCHOR; ++inner) {
                uint64 end = registry.headOf(issuer, STREAM).count;
                uint256 salt = 100 + uint256(outer) * 10 + inner;
                uint256 act = plan(0, appendCall(inner, end + 2, newOnes(salt, 1)));
                vm.recordLogs();
                Attestation[] memory items = newOnes(salt + 1000, 2);
                bytes32 hash = registry.headOf(issuer, STREAM).hash;
                appends(outer, items, end);
                works(act);
                for (uint256 i = 0; i < 2; ++i) hash = keccak256(abi.encodePacked(hash, uidOf(items[i])));
                bytes32 last = uidOf(newOnes(salt, 1)[0]);
                hash =
                    inner == ANCHOR
                        ? keccak256(abi.encode(hash, last, 1))
                        : keccak256(abi.encodePacked(hash, last));
                equal(registry.headOf(issuer, STREAM).count, end + 3);
                equal(registry.headOf(issuer, STREAM).hash, hash);
                positionsAreARow(end);
            }
        }
    }

    /// Any calls, in any order, at any depth: what the events say one after the other is what the head says.
    function testFuzz_TheHeadIsTheReplayOfTheEventsHoweverItReenters(uint256[6] calldata picks) external {
        uint64 position = 1;
        for (uint256 i = 0; i < picks.length; ++i) {
            uint8 level_ = uint8(picks[i] % 3);
            // Some come for a place that is taken, or not there yet.
            uint64 at_ = (picks[i] >> 8) % 3 == 0 ? uint64((picks[i] >> 16) % (position + 2)) : position;
            if (at_ == position) ++position;
            plan(0, appendCall(level_, at_, newOnes((picks[i] >> 32) % 8, 1)));
        }
        vm.recordLogs();
        appends(uint8(picks[0] >> 128) % 2, newOnes(100, 1), 0);

        Vm.Log[] memory logs = vm.getRecordedLogs();
        bytes32 hash;
        uint64 count;
        bytes32 last;
        for (uint256 i = 0; i < logs.length; ++i) {
            bytes32 kind = logs[i].topics[0];
            if (kind == IAttestationRegistry.Attested.selector) {
                last = keccak256(abi.encodePacked(hash, logs[i].topics[1]));
            } else if (kind == IAttestationRegistry.Sealed.selector) {
                // The root of one uid is that uid.
                last = keccak256(abi.encodePacked(hash, logs[i].topics[3]));
            } else if (kind == IAttestationRegistry.Anchored.selector) {
                last = keccak256(abi.encode(hash, logs[i].topics[3], 1));
            } else {
                (uint64 at_, uint64 more, bytes32 said) = abi.decode(logs[i].data, (uint64, uint64, bytes32));
                equal(at_, count);
                equal(said, last);
                hash = last;
                count += more;
            }
        }
        equal(registry.headOf(issuer, STREAM).count, count);
        equal(registry.headOf(issuer, STREAM).hash, hash);
    }

    function test_ValueThatIsPassedOnFromInsideReachesTheNextResolver() external {
        Witness witness = new Witness();
        bytes32 first = judged;
        names(address(witness));
        Attestation[] memory inner = newOnes(1, 1);
        uint256 act = plan(3, callOf(3, inner, 3));
        judged = first;
        send(2, newOnes(0, 2), 5);
        works(act);
        equal(address(_hostile).balance, 2);
        equal(address(witness).balance, 3);
        equal(witness.value(), 3);
    }

    function test_ValueThatIsPassedToItselfIsJudgedOncePerCall() external {
        Attestation[] memory inner = newOnes(1, 1);
        uint256 act = plan(5, callOf(3, inner, 5));
        send(2, newOnes(0, 1), 5);
        works(act);
        equal(_hostile.calls(), 2);
        equal(address(_hostile).balance, 5);
    }

    function test_EthThatAResolverSendsBackIsRefused() external {
        uint256 plain = plan(1, "");
        uint256 unknown = plan(1, hex"deadbeef");
        uint256 reading = plan(1, abi.encodeCall(IAttestationRegistry.uidOf, (sample())));
        for (uint256 way = 0; way < ALL_WAYS; ++way) send(way, newOnes(way, 1), 1);
        fails(plain, "");
        fails(unknown, "");
        fails(reading, "");
        equal(address(_hostile).balance, ALL_WAYS);
    }

    /// By SELFDESTRUCT the ETH could not be refused; but whoever is gone has not answered, and all is undone.
    function test_EthThatAResolverForcesBackIsRefusedWithTheCall() external {
        address dying = address(0xD1E);
        vm.etch(dying, abi.encodePacked(hex"73", address(registry), hex"ff"));
        names(dying);
        for (uint256 way = 0; way < ALL_WAYS; ++way) refuses(way, newOnes(way, 1), 1, "");
        nothingIsKnownOf(uidOf(newOnes(0, 1)[0]));
    }

    function test_AResolverThatBurnsAllGasCostsNoMoreThanTheCallWasGiven() external {
        names(address(new Devouring()));
        for (uint256 way = 0; way < ALL_WAYS; ++way) refuses(way, newOnes(way, 1), 1, "");
        nothingIsKnownOf(uidOf(newOnes(0, 1)[0]));
        attest(sample());
        holds(sample(), NOW, false);
    }

    function test_ALongAnswerIsNotCopied() external {
        names(address(new Verbose(32, false)));
        uint256 before = gasleft();
        send(0, newOnes(0, 1), 0);
        uint256 short = before - gasleft();
        names(address(new Verbose(100_000, false)));
        before = gasleft();
        send(0, newOnes(1, 1), 0);
        // Memory of 100,000 bytes costs 28,470 gas once; a copy of it would cost as much again.
        yes(before - gasleft() < short + 50_000, "paid for once");
        holds(newOnes(1, 1)[0], NOW, false);
    }

    function test_LongWordsOfARefusalComeThrough() external {
        names(address(new Verbose(100_000, true)));
        for (uint256 way = 0; way < ALL_WAYS; ++way) {
            bytes memory answer = send(senderOf(way), 0, callOf(way, newOnes(way, 1), 0), false);
            equal(answer.length, 100_000);
        }
        nothingIsKnownOf(uidOf(newOnes(0, 1)[0]));
    }

    /// A call from inside that fails takes nothing of the outer one with it.
    function test_AFailedCallFromInsideUndoesOnlyItself() external {
        Attestation[] memory bad = newOnes(1, 3);
        bad[2] = bad[0];
        uint256 act = plan(0, callOf(3, bad, 0));
        Attestation[] memory items = newOnes(0, 2);
        send(2, items, 0);
        fails(act, abi.encodeWithSelector(IAttestationRegistry.UidTaken.selector, uidOf(bad[0])));
        nothingIsKnownOf(uidOf(bad[0]));
        for (uint256 i = 0; i < 2; ++i) holds(items[i], NOW, false);
    }

    function newOnes(uint256 salt, uint256 count) private view returns (Attestation[] memory items) {
        items = judgedOnes(count);
        for (uint256 i = 0; i < count; ++i) items[i].salt = keccak256(abi.encode("new", salt, i));
    }

    uint256 private _planned;

    function plan(uint256 value, bytes memory data) private returns (uint256) {
        _hostile.plan(address(registry), value, data);
        return _planned++;
    }

    function works(uint256 act) private view {
        Reentrant.Outcome memory outcome = _hostile.outcomeOf(act);
        if (!outcome.ok) revert DifferentBytes(outcome.answer, "");
    }

    function fails(uint256 act, bytes memory error_) private view {
        Reentrant.Outcome memory outcome = _hostile.outcomeOf(act);
        equal(outcome.ok, false);
        equal(outcome.answer, error_);
    }

    function appends(uint8 level_, Attestation[] memory items, uint64 position) private {
        send(relayer, 0, appendCall(level_, position, items), true);
    }

    /// Signed by the issuer, so that anybody can bring it, from inside too.
    function appendCall(
        uint8 level_,
        uint64 position,
        Attestation[] memory items
    ) private view returns (bytes memory) {
        Batch memory batch = judgedBatch(issuer, STREAM, position);
        if (level_ == ANCHOR) return anchorCall(batch, rootOf(items), uint40(items.length));
        bytes memory packed_ = Packing.pack(items);
        bytes memory signature = signed(Digests.batch(address(registry), batch, packed_, level_, 0));
        if (level_ == RECORD) return abi.encodeCall(IAttestationRegistry.record, (batch, packed_, signature));
        return abi.encodeCall(IAttestationRegistry.seal, (batch, packed_, signature));
    }

    function anchorCall(Batch memory batch, bytes32 root, uint40 count) private view returns (bytes memory) {
        bytes memory content = abi.encodePacked(root, count);
        bytes memory signature = signed(Digests.batch(address(registry), batch, content, ANCHOR, 0));
        return abi.encodeCall(IAttestationRegistry.anchor, (batch, root, count, signature));
    }

    function positionsAreARow(uint64 position) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 found;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IAttestationRegistry.Appended.selector) continue;
            (uint64 at_, uint64 count, ) = abi.decode(logs[i].data, (uint64, uint64, bytes32));
            equal(at_, position);
            position += count;
            ++found;
        }
        equal(found, 2);
    }

    function level(bytes32 schema_, bytes32 root, uint8 want) private view {
        (uint8 got, , , , , ) = registry.rootOf(issuer, schema_, root);
        equal(got, want);
    }
}
