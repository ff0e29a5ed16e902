// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Head} from "../../contracts/types/Head.sol";
import {Objecting, Reentrant, Verbose, Witness} from "./support/HostileResolvers.sol";
import {Packing} from "./support/Packing.sol";
import {Replay} from "./support/Replay.sol";
import {ResolverSpec} from "./support/ResolverSpec.sol";
import {Trees} from "./support/Trees.sol";
import {vm, Vm} from "./support/Vm.sol";

/// Several calls in one transaction: what each does alone, one after the other, and all of them or none.
contract MulticallSpec is ResolverSpec {
    bytes32 private constant STREAM = "one of several";
    bytes32 private constant OTHER_STREAM = "another";

    /// What is left of calls: their answers, both streams' ends and all events.
    struct Outcome {
        bytes[] answers;
        Head[2] heads;
        Vm.Log[] logs;
    }

    error Undone(Outcome outcome);

    function test_OfNoCallsNothingIsDone() external {
        vm.recordLogs();
        equal(multicall(relayer, new bytes[](0)).length, 0);
        silent();
    }

    function test_DoesCallsInOrderAndSaysWhatEachReturned() external {
        Replay replay = new Replay(address(registry));
        Attestation[] memory items = many(7);
        bytes[] memory calls = new bytes[](4);
        calls[0] = appendCall(RECORDED, STREAM, 0, cut(items, 0, 2));
        calls[1] = appendCall(SEALED, STREAM, 2, cut(items, 2, 4));
        calls[2] = appendCall(RECORDED, OTHER_STREAM, 0, cut(items, 4, 5));
        calls[3] = appendCall(ANCHORED, STREAM, 4, cut(items, 5, 7));
        vm.recordLogs();
        bytes[] memory answers = multicall(relayer, calls);
        equal(replay.read(vm.getRecordedLogs()), 4);
        equal(answers.length, 4);
        equal(answers[0], abi.encode(2));
        equal(answers[1], abi.encode(Trees.rootOf(uidsOf(cut(items, 2, 4)))));
        equal(answers[2], abi.encode(1));
        equal(answers[3].length, 0);
        agree(replay, STREAM, 6);
        agree(replay, OTHER_STREAM, 1);
        for (uint256 i = 0; i < 2; ++i) holds(items[i], NOW, false);
        holds(items[4], NOW, false);
        proves(cut(items, 2, 4), true);
        proves(cut(items, 5, 7), true);
    }

    function test_ReadsWhatACallBeforeHasDone() external {
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeWithSignature("isValid(bytes32)", uidOf(sample()));
        calls[1] = callOf(1, one(sample()), 0);
        calls[2] = calls[0];
        bytes[] memory answers = multicall(relayer, calls);
        equal(abi.decode(answers[0], (bool)), false);
        equal(abi.decode(answers[1], (bytes32)), uidOf(sample()));
        equal(abi.decode(answers[2], (bool)), true);
    }

    function test_OneCallThatFailsUndoesAll() external {
        for (uint256 place = 0; place < 3; ++place) {
            bytes[] memory calls = new bytes[](3);
            calls[0] = appendCall(RECORDED, STREAM, 0, cut(many(6), 0, 2));
            calls[1] = appendCall(SEALED, STREAM, 2, cut(many(6), 2, 4));
            calls[2] = appendCall(ANCHORED, OTHER_STREAM, 0, cut(many(6), 4, 6));
            calls[place] = appendCall(RECORDED, OTHER_STREAM, 7, cut(many(6), 0, 1));
            fails(relayer, calls, moved(OTHER_STREAM, 7, 0));
            equal(registry.headOf(issuer, STREAM).count, 0);
            equal(registry.headOf(issuer, OTHER_STREAM).count, 0);
            for (uint256 i = 0; i < 6; ++i) nothingIsKnownOf(uidOf(many(6)[i]));
            nothingIsKnownOfRoot(Trees.rootOf(uidsOf(cut(many(6), 2, 4))));
            nothingIsKnownOfRoot(Trees.rootOf(uidsOf(cut(many(6), 4, 6))));
        }
    }

    function test_EveryErrorComesThroughAsItIs() external {
        bytes32 uid = uidOf(sample());
        fails(
            issuer,
            only(abi.encodeCall(IAttestationRegistry.revoke, (one(uid), ""))),
            abi.encodeWithSelector(IAttestationRegistry.NotRecorded.selector, uid)
        );
        names(address(new Objecting()));
        Attestation[] memory items = judgedOnes(1);
        fails(
            issuer,
            only(callOf(0, items, 0)),
            abi.encodeWithSelector(Objecting.Objection.selector, uidOf(items[0]), 0)
        );
        names(address(new Verbose(10_000, true)));
        bytes memory call_ = callOf(0, judgedOnes(1), 0);
        fails(issuer, only(call_), send(issuer, 0, call_, false));
    }

    /// No words of our own in place of none.
    function test_AnErrorWithoutDataStaysWithoutData() external {
        fails(issuer, only(""), "");
        fails(issuer, only(hex"deadbeef"), "");
        fails(issuer, only(abi.encodePacked(IAttestationRegistry.attest.selector)), "");
        names(address(new Verbose(0, true)));
        fails(issuer, only(callOf(0, judgedOnes(1), 0)), "");
    }

    function test_TheSenderIsTheSenderOfEveryCall() external {
        names(address(new Witness()));
        bytes[] memory calls = new bytes[](2);
        calls[0] = callOf(0, one(sample()), 0);
        calls[1] = callOf(0, judgedOnes(1), 0);
        fails(
            relayer,
            calls,
            abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, issuer, relayer)
        );
        multicall(issuer, calls);
        holds(sample(), NOW, false);
        Batch memory batch = Batch(issuer, judged, 0, 0, 0);
        bytes32 uid = uidOf(judgedOnes(1)[0]);
        bytes memory question = Witness(resolver).question();
        equal(
            keccak256(question),
            keccak256(
                abi.encodeCall(
                    Witness.onAttested,
                    (issuer, RECORDED, batch, one(uid), packedAtLength(judgedOnes(1)[0]))
                )
            )
        );
    }

    /// Nobody is spoken for by the registry itself.
    function test_TheRegistryIsNobodysAttester() external {
        Attestation memory a = sample();
        a.attester = address(registry);
        bytes[] memory calls = only(abi.encodeCall(IAttestationRegistry.attest, (a)));
        bytes memory refusal = abi.encodeWithSelector(
            IAttestationRegistry.NotAttester.selector,
            registry,
            relayer
        );
        fails(relayer, calls, refusal);
        fails(relayer, only(abi.encodeCall(IAttestationRegistry.multicall, (calls))), refusal);
    }

    function test_CallsWithinCallsDoWhatTheyDoAlone() external {
        bytes[] memory inner = new bytes[](2);
        inner[0] = appendCall(SEALED, STREAM, 1, cut(many(4), 1, 2));
        inner[1] = appendCall(RECORDED, STREAM, 2, cut(many(4), 2, 3));
        bytes[] memory calls = new bytes[](3);
        calls[0] = appendCall(RECORDED, STREAM, 0, cut(many(4), 0, 1));
        calls[1] = abi.encodeCall(IAttestationRegistry.multicall, (inner));
        calls[2] = appendCall(RECORDED, STREAM, 3, cut(many(4), 3, 4));
        bytes[] memory answers = multicall(relayer, calls);
        bytes[] memory nested = abi.decode(answers[1], (bytes[]));
        equal(nested.length, 2);
        equal(nested[0], abi.encode(uidOf(many(4)[1])));
        equal(nested[1], abi.encode(1));
        bytes32 hash;
        for (uint256 i = 0; i < 4; ++i) hash = keccak256(abi.encodePacked(hash, uidOf(many(4)[i])));
        equal(registry.headOf(issuer, STREAM).hash, hash);
        equal(registry.headOf(issuer, STREAM).count, 4);

        inner[1] = appendCall(RECORDED, STREAM, 9, cut(many(5), 4, 5));
        inner[0] = abi.encodeCall(IAttestationRegistry.multicall, (new bytes[](0)));
        calls[0] = callOf(1, one(many(5)[4]), 0);
        calls[1] = abi.encodeCall(IAttestationRegistry.multicall, (inner));
        fails(relayer, calls, moved(STREAM, 9, 4));
        nothingIsKnownOf(uidOf(many(5)[4]));
    }

    /// With value, one payment could be shown to every resolver.
    function test_TakesNoValueAndHandsNoneOn() external {
        Witness witness = new Witness();
        names(address(witness));
        bytes[] memory calls = new bytes[](2);
        calls[0] = callOf(3, judgedOnes(1), 0);
        calls[1] = callOf(5, judgedOnes(2), 0);
        equal(send(relayer, 1, abi.encodeCall(IAttestationRegistry.multicall, (calls)), false), "");
        equal(send(relayer, 1, abi.encodeCall(IAttestationRegistry.multicall, (new bytes[](0))), false), "");
        multicall(relayer, calls);
        equal(witness.calls(), 2);
        equal(witness.value(), 0);
        // What the issuer signed for a payment is not done without one.
        fails(
            relayer,
            only(callOf(3, many(1), 5)),
            abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer)
        );
    }

    function test_EveryCallIsHeldToItsPosition() external {
        bytes[] memory calls = new bytes[](2);
        for (uint8 first = 0; first < 3; ++first) {
            for (uint8 second = 0; second < 3; ++second) {
                calls[0] = appendCall(first, STREAM, 0, cut(many(4), 0, 2));
                calls[1] = appendCall(second, STREAM, 0, cut(many(4), 2, 4));
                fails(relayer, calls, moved(STREAM, 0, 2));
                calls[1] = calls[0];
                fails(relayer, calls, moved(STREAM, 0, 2));
            }
        }
        equal(registry.headOf(issuer, STREAM).count, 0);
    }

    /// The warning of the interface: the whole has to be sent again, without what was taken out of it.
    function test_WhoeverSendsOneBatchFirstStopsAll() external {
        bytes[] memory calls = new bytes[](2);
        calls[0] = appendCall(RECORDED, STREAM, 0, cut(many(3), 0, 1));
        calls[1] = appendCall(RECORDED, OTHER_STREAM, 0, cut(many(3), 1, 3));
        send(address(0xBAD), 0, calls[1], true);
        fails(relayer, calls, moved(OTHER_STREAM, 0, 2));
        equal(registry.headOf(issuer, STREAM).count, 0);
        multicall(relayer, only(calls[0]));
        for (uint256 i = 0; i < 3; ++i) holds(many(3)[i], NOW, false);
    }

    /// From inside a call of several, a resolver brings several itself, of streams that are being appended to.
    function test_AResolverThatBringsSeveralFromInsideBreaksNoStream() external {
        Reentrant hostile = new Reentrant();
        names(address(hostile));
        Replay replay = new Replay(address(registry));
        bytes[] memory inside = new bytes[](2);
        inside[0] = appendCall(RECORDED, STREAM, 1, cut(many(6), 0, 1));
        inside[1] = appendCall(SEALED, OTHER_STREAM, 0, cut(many(6), 1, 3));
        hostile.plan(address(registry), 0, abi.encodeCall(IAttestationRegistry.multicall, (inside)));

        bytes[] memory calls = new bytes[](3);
        calls[0] = appendCall(RECORDED, STREAM, 0, judgedOnes(1));
        calls[1] = appendCall(ANCHORED, STREAM, 2, cut(many(6), 3, 4));
        calls[2] = appendCall(RECORDED, OTHER_STREAM, 2, cut(many(6), 4, 5));
        vm.recordLogs();
        multicall(relayer, calls);
        equal(replay.read(vm.getRecordedLogs()), 5);
        agree(replay, STREAM, 3);
        agree(replay, OTHER_STREAM, 3);
        equal(hostile.calls(), 1);
        equal(hostile.outcomeOf(0).ok, true);
    }

    function test_SeveralThatFailInsideUndoOnlyThemselves() external {
        Reentrant hostile = new Reentrant();
        names(address(hostile));
        bytes[] memory inside = new bytes[](2);
        inside[0] = appendCall(RECORDED, STREAM, 1, cut(many(3), 0, 1));
        // It has moved by then.
        inside[1] = appendCall(RECORDED, STREAM, 0, cut(many(3), 1, 2));
        hostile.plan(address(registry), 0, abi.encodeCall(IAttestationRegistry.multicall, (inside)));
        bytes[] memory calls = new bytes[](2);
        calls[0] = appendCall(RECORDED, STREAM, 0, judgedOnes(1));
        calls[1] = appendCall(RECORDED, STREAM, 1, cut(many(3), 2, 3));
        multicall(relayer, calls);
        equal(hostile.outcomeOf(0).ok, false);
        equal(hostile.outcomeOf(0).answer, moved(STREAM, 0, 2));
        for (uint256 i = 0; i < 2; ++i) nothingIsKnownOf(uidOf(many(3)[i]));
        holds(judgedOnes(1)[0], NOW, false);
        holds(many(3)[2], NOW, false);
        equal(registry.headOf(issuer, STREAM).count, 2);
    }

    /// Where the resolver's own several fail the outer ones, nothing of either stays.
    function test_WhatAResolverDidFromInsideIsUndoneWithTheCallThatFails() external {
        Reentrant hostile = new Reentrant();
        names(address(hostile));
        bytes[] memory inside = only(appendCall(RECORDED, OTHER_STREAM, 0, cut(many(2), 0, 1)));
        hostile.plan(address(registry), 0, abi.encodeCall(IAttestationRegistry.multicall, (inside)));
        bytes[] memory calls = new bytes[](2);
        calls[0] = appendCall(RECORDED, STREAM, 0, judgedOnes(1));
        calls[1] = appendCall(RECORDED, OTHER_STREAM, 0, cut(many(2), 1, 2));
        fails(relayer, calls, moved(OTHER_STREAM, 0, 1));
        equal(hostile.calls(), 0);
        for (uint256 i = 0; i < 2; ++i) nothingIsKnownOf(uidOf(many(2)[i]));
        nothingIsKnownOf(uidOf(judgedOnes(1)[0]));
    }

    function test_DoesWhatTheSameCallsDoOneByOne() external {
        testFuzz_DoesWhatTheSameCallsDoOneByOne(uint256(keccak256("some")), 9);
    }

    /// Any calls of any levels, in streams and beside them, some of them for a wrong place: the same answers, heads and
    /// events, or the first refusal and nothing.
    function testFuzz_DoesWhatTheSameCallsDoOneByOne(uint256 picks, uint256 count) public {
        names(address(new Witness()));
        bytes[] memory calls = new bytes[](within(count, 0, 9));
        uint64[2] memory ends;
        for (uint256 i = 0; i < calls.length; ++i) {
            uint256 pick = uint256(keccak256(abi.encode(picks, i)));
            Attestation[] memory items = several(pick, (pick >> 8) % 8 == 0);
            uint256 which = (pick >> 16) % 3;
            if (which == 2) {
                calls[i] = callOf(2 * ((pick >> 32) % 4) + 1, items, 0);
                continue;
            }
            uint64 position = ends[which] + ((pick >> 24) % 16 == 0 ? 1 : 0);
            ends[which] += uint64(items.length);
            calls[i] = appendCall(uint8(pick % 3), which == 0 ? STREAM : OTHER_STREAM, position, items);
        }
        equal(outcomeOf(calls, true), outcomeOf(calls, false));
    }

    /// Does the calls, and undoes them by reverting with what came of them.
    function run(bytes[] calldata calls, bool together) external {
        Outcome memory outcome;
        vm.recordLogs();
        if (together) {
            outcome.answers = multicall(relayer, calls);
        } else {
            outcome.answers = new bytes[](calls.length);
            for (uint256 i = 0; i < calls.length; ++i) outcome.answers[i] = pass(calls[i]);
        }
        outcome.logs = vm.getRecordedLogs();
        outcome.heads = [registry.headOf(issuer, STREAM), registry.headOf(issuer, OTHER_STREAM)];
        revert Undone(outcome);
    }

    function outcomeOf(bytes[] memory calls, bool together) private returns (bytes memory) {
        try this.run(calls, together) {
            revert NotTrue("undone");
        } catch (bytes memory outcome) {
            return outcome;
        }
    }

    function multicall(address sender, bytes[] memory calls) private returns (bytes[] memory) {
        vm.prank(sender);
        return registry.multicall(calls);
    }

    /// A call of the relayer's; reverts with what it reverts with.
    function pass(bytes memory data) private returns (bytes memory answer) {
        bool ok;
        vm.prank(relayer);
        (ok, answer) = address(registry).call(data);
        if (ok) return answer;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }

    function fails(address sender, bytes[] memory calls, bytes memory error_) private {
        equal(send(sender, 0, abi.encodeCall(IAttestationRegistry.multicall, (calls)), false), error_);
    }

    /// One to four statements that were never made before.
    function several(uint256 pick, bool asked) private view returns (Attestation[] memory items) {
        items = asked ? judgedOnes(1 + ((pick >> 40) % 4)) : many(1 + ((pick >> 40) % 4));
        for (uint256 i = 0; i < items.length; ++i) items[i].salt = keccak256(abi.encode(pick, i));
    }

    /// Signed by the issuer, so that anybody can bring it.
    function appendCall(
        uint8 level,
        bytes32 stream,
        uint64 position,
        Attestation[] memory items
    ) private view returns (bytes memory) {
        Batch memory batch = Batch(issuer, items[0].schema, stream, position, DEADLINE);
        if (level == ANCHORED) {
            bytes32 root = rootOf(items);
            uint40 count = uint40(items.length);
            return
                abi.encodeCall(
                    IAttestationRegistry.anchor,
                    (batch, root, count, signedAnchor(batch, root, count))
                );
        }
        bytes memory packed_ = Packing.pack(items);
        bytes memory signature = signedBatch(batch, packed_, level);
        if (level == RECORDED)
            return abi.encodeCall(IAttestationRegistry.record, (batch, packed_, signature));
        return abi.encodeCall(IAttestationRegistry.seal, (batch, packed_, signature));
    }

    function agree(Replay replay, bytes32 stream, uint256 count) private view {
        (uint64 told, bytes32 hash) = replay.endOf(issuer, stream);
        equal(told, count);
        equal(registry.headOf(issuer, stream).count, count);
        equal(registry.headOf(issuer, stream).hash, hash);
    }

    function cut(
        Attestation[] memory items,
        uint256 start,
        uint256 end
    ) private pure returns (Attestation[] memory part) {
        part = new Attestation[](end - start);
        for (uint256 i = start; i < end; ++i) part[i - start] = items[i];
    }

    function only(bytes memory call_) private pure returns (bytes[] memory calls) {
        calls = new bytes[](1);
        calls[0] = call_;
    }

    function moved(bytes32 stream, uint64 expected, uint64 actual) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAttestationRegistry.StreamMoved.selector, stream, expected, actual);
    }
}
