// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {IResolver} from "../../contracts/interfaces/IResolver.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Head} from "../../contracts/types/Head.sol";
import {Packing} from "./support/Packing.sol";
import {Replay} from "./support/Replay.sol";
import {Spec} from "./support/Spec.sol";
import {Trees} from "./support/Trees.sol";
import {vm} from "./support/Vm.sol";
import {Answering} from "./support/Wallets.sol";

/// The order in which an issuer appended statements, at every level.
contract StreamsSpec is Spec {
    bytes32 private constant STREAM = "stream";
    uint256 private constant OTHER_KEY = 0xB0B;

    function test_TheHeadOfAStreamThatNobodyAppendedToIsZero() external view {
        endsAt(issuer, STREAM, 0, 0);
        endsAt(issuer, 0, 0, 0);
    }

    function testFuzz_RefusesAnotherPositionThanTheEnd(uint64 position, uint8 level) external {
        appendAt(RECORDED, STREAM, 0, cut(many(5), 0, 3));
        Head memory head = registry.headOf(issuer, STREAM);
        vm.assume(position != 3);
        level %= 3;
        Attestation[] memory items = cut(many(5), 3, 5);
        refuses(level, batchAt(STREAM, position), items, moved(STREAM, position, 3));
        endsAt(issuer, STREAM, 3, head.hash);
        knowsNothingOf(items);
        // Nothing else was wrong with it.
        appendAt(level, STREAM, 3, items);
    }

    function test_RefusesAPositionBehindOrAheadOfTheEnd() external {
        appendAt(SEALED, STREAM, 0, cut(many(8), 0, 3));
        for (uint8 level = 0; level < 3; ++level) {
            Attestation[] memory items = cut(many(8), 3, 5);
            refuses(level, batchAt(STREAM, 0), items, moved(STREAM, 0, 3));
            refuses(level, batchAt(STREAM, 2), items, moved(STREAM, 2, 3));
            refuses(level, batchAt(STREAM, 4), items, moved(STREAM, 4, 3));
            uint64 last = type(uint64).max;
            refuses(level, batchAt(STREAM, last), items, moved(STREAM, last, 3));
        }
    }

    function test_RefusesASignedBatchThatIsReplayed() external {
        for (uint8 level = 0; level < 3; ++level) {
            bytes32 stream = keccak256(abi.encode(level));
            Batch memory batch = batchAt(stream, 0);
            Attestation[] memory items = cut(many(15), 5 * level, 5 * level + 5);
            bytes memory signature = signatureFor(level, batch, items);
            send(level, batch, items, signature);
            Head memory head = registry.headOf(issuer, stream);
            vm.expectRevert(moved(stream, 0, 5));
            send(level, batch, items, signature);
            endsAt(issuer, stream, 5, head.hash);
        }
    }

    /// Two senders saw the same end. Whoever comes second is told, whatever the levels, and nothing of it is kept.
    function testFuzz_OfTwoBatchesForOnePositionTheSecondChangesNothing(uint8 first, uint8 second) external {
        (first, second) = (first % 3, second % 3);
        Attestation[] memory items = cut(many(4), 0, 2);
        Attestation[] memory others = cut(many(4), 2, 4);
        Batch memory batch = batchAt(STREAM, 0);
        bytes memory signature = signatureFor(second, batch, others);
        appendAt(first, STREAM, 0, items);
        Head memory head = registry.headOf(issuer, STREAM);
        vm.expectRevert(moved(STREAM, 0, 2));
        send(second, batch, others, signature);
        knowsNothingOf(others);
        endsAt(issuer, STREAM, 2, head.hash);
    }

    function testFuzz_RefusesAPositionWithoutAStream(uint64 position, uint8 level) external {
        vm.assume(position != 0);
        refuses(level % 3, batchAt(0, position), many(3), moved(0, position, 0));
        knowsNothingOf(many(3));
    }

    function test_RefusesUidsThatAreRecordedOrRevokedBefore() external {
        Attestation[] memory items = many(5);
        appendAt(RECORDED, STREAM, 0, one(items[0]));
        Head memory head = registry.headOf(issuer, STREAM);
        attest(items[2]);
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(items[4])), "", 0, "");

        for (uint256 taken = 0; taken < 5; taken += 2) {
            Attestation[] memory list = new Attestation[](2);
            (list[0], list[1]) = (items[1], items[taken]);
            refuses(RECORDED, batchAt(STREAM, 1), list, uidTaken(items[taken]));
            (list[0], list[1]) = (items[taken], items[1]);
            refuses(RECORDED, batchAt(STREAM, 1), list, uidTaken(items[taken]));
        }
        nothingIsKnownOf(uidOf(items[1]));
        endsAt(issuer, STREAM, 1, head.hash);
    }

    function test_RefusesAUidThatIsTwiceInTheBatch() external {
        Attestation[] memory items = many(3);
        items[2] = items[0];
        refuses(RECORDED, batchAt(STREAM, 0), items, uidTaken(items[0]));
        knowsNothingOf(items);
        endsAt(issuer, STREAM, 0, 0);
    }

    function test_RefusesToSealInAStreamWhatIsSealed() external {
        bytes32 root = seal(many(3));
        refuses(SEALED, batchAt(STREAM, 0), many(3), rootTaken(root));
        endsAt(issuer, STREAM, 0, 0);
        appendAt(SEALED, STREAM, 0, many(2));
        Head memory head = registry.headOf(issuer, STREAM);
        refuses(SEALED, batchAt(STREAM, 2), many(2), rootTaken(Trees.rootOf(uidsOf(many(2)))));
        endsAt(issuer, STREAM, 2, head.hash);
    }

    function test_RefusesToAnchorInAStreamWhatIsAnchoredOrSealed() external {
        bytes32 root = seal(many(3));
        refuses(ANCHORED, batchAt(STREAM, 0), many(3), rootTaken(root));
        appendAt(ANCHORED, STREAM, 0, many(2));
        Head memory head = registry.headOf(issuer, STREAM);
        refuses(ANCHORED, batchAt(STREAM, 2), many(2), rootTaken(Trees.rootOf(uidsOf(many(2)))));
        endsAt(issuer, STREAM, 2, head.hash);
    }

    function test_RefusesASignatureForAnotherStreamOrPosition() external {
        appendAt(SEALED, STREAM, 0, many(2));
        for (uint8 level = 0; level < 3; ++level) {
            testFuzz_RefusesASignatureForAnotherStreamOrPosition(level, "another", 2);
            testFuzz_RefusesASignatureForAnotherStreamOrPosition(level, STREAM, 0);
            testFuzz_RefusesASignatureForAnotherStreamOrPosition(level, 0, 0);
        }
    }

    function testFuzz_RefusesASignatureForAnotherStreamOrPosition(
        uint8 level,
        bytes32 stream,
        uint64 position
    ) public {
        vm.assume(stream != STREAM || position != 2);
        level %= 3;
        bytes memory signature = signatureFor(level, batchAt(stream, position), many(3));
        Batch memory batch = batchAt(STREAM, 2);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer));
        send(level, batch, many(3), signature);
    }

    function test_AppendsOneByOneAsTheyAreHashed() external {
        bytes32[] memory uids = uidsOf(many(5));
        bytes32 hash = keccak256(abi.encodePacked(bytes32(0), uids[0]));
        expectAppended(0, 1, hash);
        append(RECORDED, batchAt(STREAM, 0), cut(many(5), 0, 1));
        hash = keccak256(abi.encodePacked(keccak256(abi.encodePacked(hash, uids[1])), uids[2]));
        expectAppended(1, 2, hash);
        append(SEALED, batchAt(STREAM, 1), cut(many(5), 1, 3));
        bytes32 root = keccak256(abi.encodePacked(uids[3], uids[4]));
        hash = keccak256(abi.encodePacked(hash, root, uint256(2)));
        expectAppended(3, 2, hash);
        append(ANCHORED, batchAt(STREAM, 3), cut(many(5), 3, 5));
        endsAt(issuer, STREAM, 5, hash);
    }

    function testFuzz_AnAnchorAppendsItsRootOnceAndMovesByItsCount(bytes32 root, uint40 count) external {
        vm.assume(count != 0);
        bytes32 hash = keccak256(abi.encodePacked(bytes32(0), root, uint256(count)));
        expectAnchored(root, count);
        expectAppended(0, count, hash);
        Batch memory batch = batchAt(STREAM, 0);
        vm.prank(issuer);
        registry.anchor(batch, root, count, "");
        endsAt(issuer, STREAM, count, hash);
    }

    function test_ARootThatIsAnchoredInAStreamCanBeSealedInIt() external {
        Replay replay = new Replay(address(registry));
        vm.recordLogs();
        appendAt(ANCHORED, STREAM, 0, many(3));
        vm.warp(NOW + 1);
        appendAt(SEALED, STREAM, 3, many(3));
        equal(replay.read(vm.getRecordedLogs()), 2);
        keeps(Trees.rootOf(uidsOf(many(3))), SEALED, NOW + 1, 3, false);
        agree(replay, issuer, STREAM);
    }

    function test_ABatchUnderAResolverIsAppended() external {
        address agreeing = address(new Answering(abi.encode(IResolver.onAttested.selector)));
        bytes32 asked = schemas.register("bool asked", agreeing, true);
        for (uint8 level = 0; level < 3; ++level) {
            Attestation[] memory items = many(3);
            for (uint256 i = 0; i < 3; ++i) items[i].schema = asked;
            items[0].salt = keccak256(abi.encode(level));
            items[1].salt = keccak256(abi.encode(level, "1"));
            items[2].salt = keccak256(abi.encode(level, "2"));
            Batch memory batch = batchAt(keccak256(abi.encode(level)), 0);
            batch.schema = asked;
            append(level, batch, items);
            bytes32 hash =
                level == ANCHORED
                    ? keccak256(abi.encodePacked(bytes32(0), Trees.rootOf(uidsOf(items)), uint256(3)))
                    : folded(0, uidsOf(items));
            endsAt(issuer, batch.stream, 3, hash);
        }
    }

    function test_WithoutAStreamNothingIsAppended() external {
        vm.recordLogs();
        append(RECORDED, batchAt(0, 0), many(2));
        append(SEALED, batchAt(0, 0), many(3));
        append(ANCHORED, batchAt(0, 0), many(4));
        equal(vm.getRecordedLogs().length, 4);
        endsAt(issuer, 0, 0, 0);
    }

    /// It says nothing of a stream, so it is appended to none.
    function test_OneStatementByItsOwnSignatureIsNotAppended() external {
        appendAt(RECORDED, STREAM, 0, cut(many(4), 0, 1));
        Head memory head = registry.headOf(issuer, STREAM);
        vm.recordLogs();
        sealSigned(many(4)[1]);
        anchorSigned(many(4)[2]);
        anchorSigned(many(4)[3]);
        sealSigned(many(4)[3]);
        equal(vm.getRecordedLogs().length, 4);
        endsAt(issuer, STREAM, 1, head.hash);
        endsAt(issuer, 0, 0, 0);
    }

    /// Whoever holds its signature can keep it out of a stream as long as it is a batch of one; see UidTaken.
    function test_RefusesInAStreamARootThatAStatementsOwnSignatureMade() external {
        sealSigned(many(2)[0]);
        anchorSigned(many(2)[1]);
        bytes32[] memory uids = uidsOf(many(2));
        refuses(SEALED, batchAt(STREAM, 0), cut(many(2), 0, 1), rootTaken(uids[0]));
        refuses(ANCHORED, batchAt(STREAM, 0), cut(many(2), 0, 1), rootTaken(uids[0]));
        refuses(ANCHORED, batchAt(STREAM, 0), cut(many(2), 1, 2), rootTaken(uids[1]));
        endsAt(issuer, STREAM, 0, 0);
        // Among others it is another root, and an anchor of its own can still be sealed in the stream.
        appendAt(SEALED, STREAM, 0, many(2));
        appendAt(SEALED, STREAM, 2, cut(many(2), 1, 2));
        endsAt(issuer, STREAM, 3, keccak256(abi.encodePacked(folded(0, uids), uids[1])));
    }

    function test_WhatWasAppendedIsNotTouchedByTheStatementsOwnSignature() external {
        appendAt(SEALED, STREAM, 0, cut(many(2), 0, 1));
        appendAt(ANCHORED, STREAM, 1, cut(many(2), 1, 2));
        Head memory head = registry.headOf(issuer, STREAM);
        vm.warp(NOW + 1);
        vm.recordLogs();
        sealSigned(many(2)[0]);
        anchorSigned(many(2)[0]);
        anchorSigned(many(2)[1]);
        silent();
        keeps(uidOf(many(2)[0]), SEALED, NOW, 1, false);
        keeps(uidOf(many(2)[1]), ANCHORED, NOW, 1, false);
        // Sealing what is anchored is news, but not of the stream.
        sealSigned(many(2)[1]);
        equal(vm.getRecordedLogs().length, 1);
        keeps(uidOf(many(2)[1]), SEALED, NOW + 1, 1, false);
        endsAt(issuer, STREAM, 2, head.hash);
    }

    function testFuzz_ADeadlineOfZeroHasPassedInEveryStream(
        uint8 level,
        bytes32 stream,
        uint64 position,
        uint256 count
    ) external {
        level %= 3;
        Batch memory batch = batchAt(stream, position);
        batch.deadline = 0;
        Attestation[] memory items = many(within(count, 1, 3));
        bytes[2] memory signatures = [signatureFor(level, batch, items), signed(uidOf(items[0]))];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, 0));
            send(level, batch, items, signatures[i]);
        }
        knowsNothingOf(items);
        endsAt(issuer, stream, 0, 0);
    }

    function test_AppendsWhatTheIssuerSigned() external {
        testFuzz_AppendsWhatTheIssuerSigned(STREAM, relayer);
    }

    function testFuzz_AppendsWhatTheIssuerSigned(bytes32 stream, address sender) public {
        vm.assume(stream != 0);
        bytes32 hash;
        for (uint8 level = 0; level < 2; ++level) {
            Batch memory batch = batchAt(stream, 2 * level);
            Attestation[] memory items = cut(many(4), 2 * level, 2 * level + 2);
            hash = folded(hash, uidsOf(items));
            bytes memory signature = signatureFor(level, batch, items);
            vm.prank(sender);
            if (level == RECORDED) registry.record(batch, Packing.pack(items), signature);
            else registry.seal(batch, Packing.pack(items), signature);
            endsAt(issuer, stream, 2 * level + 2, hash);
        }
    }

    function testFuzz_StreamsOfOtherAttestersAndKeysAreOthers(bytes32 other, uint64 position) external {
        vm.assume(other != STREAM && other != 0 && position != 0);
        appendAt(RECORDED, STREAM, 0, many(3));
        endsAt(issuer, other, 0, 0);
        endsAt(vm.addr(OTHER_KEY), STREAM, 0, 0);

        Head memory head = registry.headOf(issuer, STREAM);
        appendAt(SEALED, other, 0, many(2));
        endsAt(issuer, other, 2, folded(0, uidsOf(many(2))));
        Attestation[] memory theirs = by(OTHER_KEY, many(1));
        Batch memory batch = batchAt(STREAM, 0);
        batch.attester = theirs[0].attester;
        append(RECORDED, batch, theirs);
        endsAt(batch.attester, STREAM, 1, folded(0, uidsOf(theirs)));
        endsAt(issuer, STREAM, 3, head.hash);
    }

    function test_TheHeadDoesNotDependOnHowStatementsAreCutIntoBatches() external {
        for (uint256 cuts = 0; cuts < 32; ++cuts) {
            testFuzz_TheHeadDoesNotDependOnHowStatementsAreCutIntoBatches(
                5,
                cuts,
                ~cuts,
                0,
                keccak256(abi.encode(cuts))
            );
        }
    }

    /// The same statements, recorded or sealed, in batches that end wherever they end.
    function testFuzz_TheHeadDoesNotDependOnHowStatementsAreCutIntoBatches(
        uint256 count,
        uint256 cuts,
        uint256 otherCuts,
        uint256 levels,
        bytes32 salt
    ) public {
        Attestation[] memory items = many(within(count, 1, 8));
        for (uint256 i = 0; i < items.length; ++i) items[i].salt = keccak256(abi.encode(salt, i));
        bytes32 stream = keccak256(abi.encode("first", salt));
        bytes32 other = keccak256(abi.encode("second", salt));
        // Whatever is recorded can be recorded once, and the same root sealed once.
        appendCut(stream, items, cuts, type(uint256).max);
        appendCut(other, items, otherCuts, 0);
        bytes32 hash = folded(0, uidsOf(items));
        endsAt(issuer, stream, items.length, hash);
        endsAt(issuer, other, items.length, hash);

        for (uint256 i = 0; i < items.length; ++i) items[i].ref = bytes32(i);
        stream = keccak256(abi.encode("third", salt));
        appendCut(stream, items, cuts, levels);
        endsAt(issuer, stream, items.length, folded(0, uidsOf(items)));
    }

    function testFuzz_AnotherOrderIsAnotherHead(uint256 i, uint256 j) external {
        Attestation[] memory items = many(4);
        (i, j) = (i % 4, j % 4);
        vm.assume(i != j);
        appendAt(RECORDED, STREAM, 0, items);
        (items[i], items[j]) = (items[j], items[i]);
        appendAt(SEALED, "another", 0, items);
        bytes32 hash = registry.headOf(issuer, STREAM).hash;
        yes(registry.headOf(issuer, "another").hash != hash, "another head");
    }

    function test_TheEventsAloneGiveTheHeads() external {
        testFuzz_TheEventsAloneGiveTheHeads(1);
    }

    /// Twelve batches of two attesters for three streams or none, at any level and of up to four items, and in between
    /// what else a registry announces.
    function testFuzz_TheEventsAloneGiveTheHeads(uint256 picks) public {
        Replay replay = new Replay(address(registry));
        uint256 appended;
        vm.recordLogs();
        for (uint256 n = 0; n < 12; ++n) {
            uint256 pick = uint256(keccak256(abi.encode(picks, n)));
            uint256 key = (pick >> 16) % 2 == 0 ? ISSUER_KEY : OTHER_KEY;
            Batch memory batch = batchAt(bytes32((pick >> 8) % 4), 0);
            batch.attester = vm.addr(key);
            batch.position = registry.headOf(batch.attester, batch.stream).count;
            Attestation[] memory items = by(key, several(pick));
            append(uint8(pick % 3), batch, items);
            if (batch.stream != 0) ++appended;
            if ((pick >> 48) & 1 == 0) attest(by(key, many(n + 1))[n]);
            if ((pick >> 50) & 1 == 0) saysAside(keccak256(abi.encode(pick)));
            if ((pick >> 49) & 1 == 0) {
                vm.prank(batch.attester);
                registry.revokeUnrecorded(one(bodiless(items[0])), "", 0, "");
            }
        }
        equal(replay.read(vm.getRecordedLogs()), appended);
        for (uint256 stream = 0; stream < 4; ++stream) {
            agree(replay, issuer, bytes32(stream));
            agree(replay, vm.addr(OTHER_KEY), bytes32(stream));
        }
    }

    /// One that is anchored and sealed by its own signature.
    function saysAside(bytes32 salt) private {
        Attestation memory a = sample();
        a.salt = salt;
        anchorSigned(a);
        sealSigned(a);
    }

    /// One to four statements of whatever fields, never made before.
    function several(uint256 pick) private view returns (Attestation[] memory items) {
        items = many(1 + ((pick >> 24) % 4));
        for (uint256 i = 0; i < items.length; ++i) {
            Attestation memory a = items[i];
            a.salt = keccak256(abi.encode(pick, i));
            if ((pick >> (32 + i)) & 1 == 0) (a.ref, a.data) = (0, "");
            if ((pick >> (36 + i)) & 1 == 0) (a.recipient, a.expiresAt) = (address(0), 0);
            if ((pick >> (40 + i)) & 1 == 0) a.salt = bytes32(bytes8(a.salt));
            if ((pick >> (44 + i)) & 1 == 0) a.salt = bytes32(bytes16(a.salt));
        }
    }

    /// Batches end where a bit of `cuts` is set, and are recorded where a bit of `levels` is, and else sealed.
    function appendCut(bytes32 stream, Attestation[] memory items, uint256 cuts, uint256 levels) private {
        uint256 start = 0;
        for (uint256 i = 1; i <= items.length; ++i) {
            if (i < items.length && (cuts >> (i - 1)) & 1 == 0) continue;
            uint8 level = (levels >> start) & 1 == 1 ? RECORDED : SEALED;
            append(level, batchAt(stream, uint64(start)), cut(items, start, i));
            start = i;
        }
    }

    function appendAt(uint8 level, bytes32 stream, uint64 position, Attestation[] memory items) private {
        append(level, batchAt(stream, position), items);
    }

    function append(uint8 level, Batch memory batch, Attestation[] memory items) private {
        vm.prank(batch.attester);
        call(level, batch, items, "");
    }

    function send(
        uint8 level,
        Batch memory batch,
        Attestation[] memory items,
        bytes memory signature
    ) private {
        vm.prank(relayer);
        call(level, batch, items, signature);
    }

    function call(
        uint8 level,
        Batch memory batch,
        Attestation[] memory items,
        bytes memory signature
    ) private {
        if (level == RECORDED) registry.record(batch, Packing.pack(items), signature);
        else if (level == SEALED) registry.seal(batch, Packing.pack(items), signature);
        else registry.anchor(batch, Trees.rootOf(uidsOf(items)), uint40(items.length), signature);
    }

    /// Directly and under a signature.
    function refuses(
        uint8 level,
        Batch memory batch,
        Attestation[] memory items,
        bytes memory error_
    ) private {
        bytes memory signature = signatureFor(level, batch, items);
        vm.expectRevert(error_);
        append(level, batch, items);
        vm.expectRevert(error_);
        send(level, batch, items, signature);
    }

    function signatureFor(
        uint8 level,
        Batch memory batch,
        Attestation[] memory items
    ) private view returns (bytes memory) {
        if (level != ANCHORED) return signedBatch(batch, Packing.pack(items), level);
        return signedAnchor(batch, Trees.rootOf(uidsOf(items)), uint40(items.length));
    }

    function knowsNothingOf(Attestation[] memory items) private view {
        for (uint256 i = 0; i < items.length; ++i) nothingIsKnownOf(uidOf(items[i]));
        nothingIsKnownOfRoot(Trees.rootOf(uidsOf(items)));
        proves(items, false);
    }

    function endsAt(address attester, bytes32 stream, uint256 count, bytes32 hash) private view {
        Head memory head = registry.headOf(attester, stream);
        equal(head.count, count);
        equal(head.hash, hash);
    }

    function agree(Replay replay, address attester, bytes32 stream) private view {
        (uint64 count, bytes32 hash) = replay.endOf(attester, stream);
        endsAt(attester, stream, count, hash);
    }

    function expectAppended(uint64 position, uint64 count, bytes32 hash) private {
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Appended(issuer, STREAM, position, count, hash);
    }

    function batchAt(bytes32 stream, uint64 position) private view returns (Batch memory batch) {
        batch = batchOf(issuer);
        (batch.stream, batch.position) = (stream, position);
    }

    function folded(bytes32 hash, bytes32[] memory uids) private pure returns (bytes32) {
        for (uint256 i = 0; i < uids.length; ++i) hash = keccak256(abi.encodePacked(hash, uids[i]));
        return hash;
    }

    function by(uint256 key, Attestation[] memory items) private pure returns (Attestation[] memory) {
        for (uint256 i = 0; i < items.length; ++i) items[i].attester = vm.addr(key);
        return items;
    }

    function cut(
        Attestation[] memory items,
        uint256 start,
        uint256 end
    ) private pure returns (Attestation[] memory part) {
        part = new Attestation[](end - start);
        for (uint256 i = start; i < end; ++i) part[i - start] = items[i];
    }

    function moved(bytes32 stream, uint64 expected, uint64 actual) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAttestationRegistry.StreamMoved.selector, stream, expected, actual);
    }

    function uidTaken(Attestation memory a) private view returns (bytes memory) {
        return abi.encodeWithSelector(IAttestationRegistry.UidTaken.selector, uidOf(a));
    }

    function rootTaken(bytes32 root) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAttestationRegistry.RootTaken.selector, root);
    }
}
