// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {IResolver} from "../../contracts/interfaces/IResolver.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Items} from "../../contracts/types/Items.sol";
import {Root} from "../../contracts/types/Root.sol";
import {Digests} from "./support/Digests.sol";
import {Packing} from "./support/Packing.sol";
import {Registries} from "./support/Registries.sol";
import {Spec} from "./support/Spec.sol";
import {Trees} from "./support/Trees.sol";
import {vm, Vm} from "./support/Vm.sol";
import {Answering, Wallet} from "./support/Wallets.sol";

/// Many attestations under one root, sent by their issuer.
contract SealSpec is Spec {
    function test_RefusesAnEmptyBatch() external {
        refuses(hex"0000", abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector));
        refuses(hex"0000aabbcc", abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector));
    }

    function test_RefusesItemsWithoutACount() external {
        refuses("", malformed(0));
        refuses(hex"00", malformed(0));
    }

    function test_RefusesACountLargerThanItsItems() external {
        bytes memory items = Packing.pack(many(3));
        items[1] = 0x04;
        refuses(items, malformed(items.length));
        items[0] = 0xff;
        refuses(items, malformed(items.length));
    }

    function test_RefusesACountSmallerThanItsItems() external {
        bytes memory items = Packing.pack(many(3));
        for (uint8 count = 1; count < 3; ++count) {
            items[1] = bytes1(count);
            refuses(items, malformed(Packing.pack(many(count)).length));
        }
        // None are none, whatever follows.
        items[1] = 0;
        refuses(items, abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector));
    }

    function test_RefusesTrailingBytes() external {
        testFuzz_RefusesTrailingBytes(hex"00");
    }

    function testFuzz_RefusesTrailingBytes(bytes memory more) public {
        vm.assume(more.length != 0);
        bytes memory items = Packing.pack(many(2));
        refuses(bytes.concat(items, more), malformed(items.length));
    }

    function test_RefusesEveryTruncation() external {
        bytes memory items = Packing.pack(many(2));
        uint256 second = packed(many(1)[0]).length;
        for (uint256 length = 2; length < items.length; ++length) {
            bytes memory cut = new bytes(length);
            for (uint256 i = 0; i < length; ++i) cut[i] = items[i];
            refuses(cut, malformed(length < second ? 2 : second));
        }
    }

    function testFuzz_RefusesUnknownFlagsOfAnyItem(uint256 place, uint256 flags) external {
        bytes memory items = Packing.pack(many(4));
        uint256 start = Packing.pack(many(place % 4)).length;
        items[start] = bytes1(uint8(within(flags, 64, 255)));
        refuses(items, malformed(start));
    }

    function test_RefusesAnUnknownSchema() external {
        Batch memory batch = batchOf(issuer);
        batch.schema = "unknown";
        refuses(
            batch,
            packed(sample()),
            abi.encodeWithSelector(IAttestationRegistry.UnknownSchema.selector, batch.schema)
        );
    }

    function test_RefusesARevocableItemOfAnIrrevocableSchemaWhereverItIs() external {
        Batch memory batch = batchOf(issuer);
        batch.schema = firmSchema;
        bytes memory error_ = abi.encodeWithSelector(
            IAttestationRegistry.SchemaIrrevocable.selector,
            firmSchema
        );
        for (uint256 place = 0; place < 4; ++place) {
            Attestation[] memory items = firm(4);
            items[place].revocable = true;
            refuses(batch, Packing.pack(items), error_);
            keeps(Root.wrap(0), firmSchema, Trees.rootOf(uidsOf(items)));
        }
    }

    function test_RefusesValueWithoutAResolver() external {
        vm.deal(issuer, 1);
        Batch memory batch = batchOf(issuer);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.ValueWithoutResolver.selector));
        vm.prank(issuer);
        registry.seal{value: 1}(batch, packed(sample()), "");
        nothingIsKnownOfRoot(uidOf(sample()));
    }

    function test_RefusesAResolverWithoutCode() external {
        Batch memory batch = batchOf(issuer);
        batch.schema = resolverSchema;
        refuses(
            batch,
            packed(sample()),
            abi.encodeWithSelector(IAttestationRegistry.ResolverRefused.selector, RESOLVER)
        );
    }

    function test_SealsABatchOfTheSender() external {
        uint256[9] memory counts = [uint256(1), 2, 3, 4, 5, 8, 9, 17, 33];
        for (uint256 i = 0; i < counts.length; ++i) {
            vm.warp(NOW + i);
            seals(many(counts[i]));
        }
    }

    function test_SealsItemsOfEveryShape() external {
        Attestation[] memory items = many(5);
        items[1].recipient = address(0);
        items[2].ref = 0;
        items[3].expiresAt = 0;
        items[4].revocable = false;
        (items[0].salt, items[1].data) = (0, "");
        seals(items);
    }

    function testFuzz_SealsABatchOfTheSender(Attestation[4] memory several, uint256 count) external {
        Attestation[] memory items = new Attestation[](within(count, 1, 4));
        for (uint256 i = 0; i < items.length; ++i) items[i] = ours(several[i]);
        seals(items);
    }

    function test_SealsUnderAnIrrevocableSchema() external {
        Attestation[] memory items = firm(3);
        bytes32 root = Trees.rootOf(uidsOf(items));
        Batch memory batch = batchOf(issuer);
        batch.schema = firmSchema;
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Sealed(issuer, firmSchema, root, Packing.pack(items));
        vm.prank(issuer);
        equal(registry.seal(batch, Packing.pack(items), ""), root);
        keeps(Root.wrap((1 << 88) | (1 << 80) | (3 << 40) | NOW), firmSchema, root);
        proves(items, true);
    }

    function test_IgnoresDeadlineAndSignatureOfASenderWhoIsTheAttester() external {
        Batch memory batch = batchOf(issuer);
        bytes32 root = Trees.rootOf(uidsOf(many(2)));
        for (uint40 deadline = 0; deadline < 2; ++deadline) {
            batch.deadline = deadline;
            vm.prank(issuer);
            equal(registry.seal(batch, Packing.pack(many(2)), hex"00"), root);
        }
        keeps(root, SEALED, NOW, 2, false);
    }

    function test_TheSameItemsInAnotherOrderAreAnotherRoot() external {
        Attestation[] memory items = many(2);
        bytes32 root = seal(items);
        (items[0], items[1]) = (items[1], items[0]);
        seals(items);
        yes(root != Trees.rootOf(uidsOf(items)), "another root");
    }

    function test_AnItemMayBeInTheBatchTwiceAndInSeveralRoots() external {
        Attestation[] memory items = many(3);
        items[2] = items[0];
        seals(items);
        seals(one(items[0]));
        seals(many(3));
    }

    function test_AnItemMayBeRecordedAndSealed() external {
        attest(many(3)[1]);
        seal(many(3));
        holds(many(3)[1], NOW, false);
        proves(many(3), true);
        attest(many(3)[2]);
        holds(many(3)[2], NOW, false);
        proves(many(3), true);
    }

    function test_ALongerEncodingHasTheSameRootAndIsAnnouncedAsItCame() external {
        Attestation memory a = sample();
        (a.ref, a.salt, a.recipient, a.expiresAt) = (0, 0, address(0), 0);
        Batch memory batch = batchOf(issuer);
        bytes memory items = bytes.concat(hex"0001", Packing.packItemAtLength(a));
        expectSealed(uidOf(a), items);
        vm.prank(issuer);
        equal(registry.seal(batch, items, ""), uidOf(a));

        vm.recordLogs();
        equal(seal(one(a)), uidOf(a));
        silent();
    }

    function test_SealingAgainIsSilentAndReturnsTheRoot() external {
        Attestation[] memory items = many(3);
        bytes32 root = seal(items);
        revokeLeaves(root, only(1));
        vm.warp(NOW + 1);
        vm.recordLogs();
        equal(seal(items), root);
        silent();
        keeps(root, SEALED, NOW, 3, true);
        proves(items[0], Trees.proofOf(uidsOf(items), 0), true);
        proves(items[1], Trees.proofOf(uidsOf(items), 1), false);
    }

    function test_RefusesToSealAgainUnderAResolver() external {
        address agreeing = address(new Answering(abi.encode(IResolver.onAttested.selector)));
        Attestation memory a = sample();
        Batch memory batch = batchOf(issuer);
        batch.schema = a.schema = schemas.register("bool asked", agreeing, true);
        vm.prank(issuer);
        equal(registry.seal(batch, packed(a), ""), uidOf(a));
        keeps(Root.wrap((3 << 88) | (1 << 80) | (1 << 40) | NOW), batch.schema, uidOf(a));
        refuses(batch, packed(a), abi.encodeWithSelector(IAttestationRegistry.RootTaken.selector, uidOf(a)));
        proves(one(a), true);
    }

    function test_AnAnchoredRootBecomesSealed() external {
        anchor(Trees.rootOf(uidsOf(many(5))), 5);
        vm.warp(NOW + 1);
        seals(many(5));
    }

    function test_WhatWasRevokedOfAnAnchoredRootStaysRevoked() external {
        testFuzz_WhatWasRevokedOfAnAnchoredRootStaysRevoked(9, 4, 9);
    }

    /// The attester may have anchored any count, and revoked leaves that it never had.
    function testFuzz_WhatWasRevokedOfAnAnchoredRootStaysRevoked(
        uint256 count,
        uint256 revoked,
        uint40 claimed
    ) public {
        Attestation[] memory items = many(within(count, 1, 9));
        claimed = uint40(within(claimed, 1, 20));
        revoked = within(revoked, 0, claimed - 1);
        bytes32 root = Trees.rootOf(uidsOf(items));
        anchor(root, claimed);
        revokeLeaves(root, only(revoked));

        vm.warp(NOW + 1);
        expectSealed(root, Packing.pack(items));
        equal(seal(items), root);
        keeps(root, SEALED, NOW + 1, items.length, true);
        equal(registry.isLeafRevoked(issuer, schema, root, revoked), true);
        for (uint256 i = 0; i < items.length; ++i) {
            proves(items[i], Trees.proofOf(uidsOf(items), i), i != revoked);
        }
    }

    function test_TheCountOfAnAnchoredRootBecomesRight() external {
        uint40[5] memory claims = [uint40(1), 2, 4, 6, type(uint40).max];
        for (uint256 i = 0; i < claims.length; ++i) {
            Attestation[] memory items = many(5);
            items[0].salt = keccak256(abi.encode(i));
            anchor(Trees.rootOf(uidsOf(items)), claims[i]);
            seals(items);
        }
    }

    /// One event, one root, every leaf valid at its place, and nothing recorded.
    function seals(Attestation[] memory items) private {
        bytes32 root = Trees.rootOf(uidsOf(items));
        expectSealed(root, Packing.pack(items));
        vm.recordLogs();
        equal(seal(items), root);
        equal(vm.getRecordedLogs().length, 1);
        keeps(root, SEALED, block.timestamp, items.length, false);
        for (uint256 i = 0; i < items.length; ++i) {
            bool expired = items[i].expiresAt != 0 && items[i].expiresAt <= block.timestamp;
            proves(items[i], Trees.proofOf(uidsOf(items), i), !expired);
            nothingIsKnownOf(uidOf(items[i]));
        }
    }

    function firm(uint256 count) private view returns (Attestation[] memory items) {
        items = many(count);
        for (uint256 i = 0; i < count; ++i) (items[i].schema, items[i].revocable) = (firmSchema, false);
    }

    function refuses(bytes memory items, bytes memory error_) private {
        refuses(batchOf(issuer), items, error_);
    }

    /// Whoever sends it: a signature over what is wrong makes it no better.
    function refuses(Batch memory batch, bytes memory items, bytes memory error_) private {
        bytes memory signature = signedBatch(batch, items, SEALED);
        vm.expectRevert(error_);
        vm.prank(issuer);
        registry.seal(batch, items, "");
        vm.expectRevert(error_);
        vm.prank(relayer);
        registry.seal(batch, items, signature);
    }

    function malformed(uint256 start) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Items.MalformedItems.selector, start);
    }
}

/// The same under a signature: what a relayer can do, and cannot.
contract SealSignedSpec is Spec {
    function test_RefusesASenderWithoutASignature() external {
        Batch memory batch = batchOf(issuer);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, issuer, relayer));
        vm.prank(relayer);
        registry.seal(batch, Packing.pack(many(2)), "");
        nothingIsKnownOfRoot(Trees.rootOf(uidsOf(many(2))));
    }

    function test_TheDeadlineIsTheLastSecond() external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = Packing.pack(many(2));
        bytes memory signature = signedBatch(batch, items, SEALED);
        vm.warp(uint256(DEADLINE) + 1);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, DEADLINE));
        send(batch, items, signature);
        vm.warp(DEADLINE);
        keeps(send(batch, items, signature), SEALED, DEADLINE, 2, false);
    }

    function testFuzz_TheDeadlineIsTheLastSecond(uint40 deadline, uint40 time) external {
        vm.warp(within(time, 1, type(uint40).max));
        Batch memory batch = batchOf(issuer);
        batch.deadline = deadline;
        bytes memory items = Packing.pack(many(2));
        bytes memory signature = signedBatch(batch, items, SEALED);
        if (block.timestamp > deadline) {
            vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, deadline));
            send(batch, items, signature);
        } else {
            keeps(send(batch, items, signature), SEALED, block.timestamp, 2, false);
        }
    }

    function test_RefusesTheSignatureOfAnotherKey() external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = Packing.pack(many(2));
        bytes32 digest = Digests.batch(address(registry), batch, items, SEALED, 0);
        refuses(batch, items, signedBy(ISSUER_KEY + 1, digest));
    }

    function testFuzz_ARelayerCannotChangeAnyField(uint256 field, uint256 by, uint256 count) external {
        Batch memory batch = batchOf(issuer);
        Attestation[] memory list = many(within(count, 1, 4));
        bytes memory items = Packing.pack(list);
        bytes memory signature = signedBatch(batch, items, SEALED);
        field %= 6;
        if (field == 0) batch.attester = address(uint160(within(by, 0x10000, type(uint160).max)));
        else if (field == 1) batch.schema = schemas.register("bool other", address(0), true);
        else if (field == 2) batch.deadline ^= uint40(1 << (by % 10));
        else if (field == 3) batch.stream ^= bytes32(by | 1);
        else if (field == 4) batch.position ^= uint64(by | 1);
        else {
            list[by % list.length].salt ^= bytes32(by | 1);
            items = Packing.pack(list);
        }
        vm.assume(batch.attester != issuer || field != 0);
        refuses(batch, items, signature);
    }

    function test_RefusesOtherItemsAlsoOfTheSameMeaning() external {
        Attestation[] memory items = many(3);
        Batch memory batch = batchOf(issuer);
        bytes memory signature = signedBatch(batch, Packing.pack(items), SEALED);
        refuses(batch, Packing.pack(many(2)), signature);
        refuses(batch, Packing.pack(many(4)), signature);

        bytes memory short = packed(sample());
        signature = signedBatch(batch, short, SEALED);
        refuses(batch, bytes.concat(hex"0001", Packing.packItemAtLength(sample())), signature);
        (items[0], items[2]) = (items[2], items[0]);
        refuses(batch, Packing.pack(items), signature);
    }

    function test_RefusesASignatureForAnotherLevelOrValue() external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = Packing.pack(many(2));
        refuses(batch, items, signedBatch(batch, items, RECORDED));
        refuses(batch, items, signedBatch(batch, items, ANCHORED));
        refuses(batch, items, signed(Digests.batch(address(registry), batch, items, SEALED, 1)));
    }

    function test_RefusesTheSignatureOfAnAnchorOfTheSameRoot() external {
        Batch memory batch = batchOf(issuer);
        bytes32 root = Trees.rootOf(uidsOf(many(2)));
        refuses(batch, Packing.pack(many(2)), signedAnchor(batch, root, 2));
        bytes memory items = abi.encodePacked(root, uint40(2));
        refuses(batch, Packing.pack(many(2)), signedBatch(batch, items, SEALED));
    }

    function test_ASignatureForASealDoesNotRecord() external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = Packing.pack(many(2));
        bytes memory signature = signedBatch(batch, items, SEALED);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer));
        vm.prank(relayer);
        registry.record(batch, items, signature);
        nothingIsKnownOf(uidOf(many(2)[0]));
    }

    function testFuzz_RefusesSignaturesForAnotherChain(uint256 chain) external {
        chain = within(chain, 1, type(uint64).max);
        vm.assume(chain != block.chainid);
        Batch memory batch = batchOf(issuer);
        bytes memory items = Packing.pack(many(2));
        bytes memory signature = signedBatch(batch, items, SEALED);
        vm.chainId(chain);
        refuses(batch, items, signature);
    }

    function test_SealsWhatTheIssuerSignedWhoeverSendsIt() external {
        sealsSigned(many(3), relayer);
    }

    function testFuzz_SealsWhatTheIssuerSignedWhoeverSendsIt(
        Attestation[3] memory several,
        address sender
    ) external {
        Attestation[] memory items = new Attestation[](3);
        for (uint256 i = 0; i < 3; ++i) items[i] = ours(several[i]);
        sealsSigned(items, sender);
    }

    function test_AReplayIsSilentAndRevivesNothing() external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = Packing.pack(many(3));
        bytes memory signature = signedBatch(batch, items, SEALED);
        bytes32 root = send(batch, items, signature);
        revokeLeaves(root, only(0));
        vm.warp(NOW + 1);
        vm.recordLogs();
        equal(send(batch, items, signature), root);
        silent();
        keeps(root, SEALED, NOW, 3, true);
        proves(many(3)[0], Trees.proofOf(uidsOf(many(3)), 0), false);
    }

    function test_PromotesAnAnchorUnderASignature() external {
        bytes32 root = Trees.rootOf(uidsOf(many(3)));
        anchor(root, 4);
        vm.warp(NOW + 1);
        sealsSigned(many(3), relayer);
    }

    /// Who may not send this learns nothing of what else is wrong with it.
    function test_ReadsTheSignatureBeforeAnythingElse() external {
        bytes[3] memory contents = [bytes(hex"0000"), hex"00", bytes.concat(packed(sample()), hex"00")];
        for (uint256 i = 0; i < 3; ++i) {
            Batch memory batch = batchOf(issuer);
            (batch.stream, batch.position) = ("stream", 7);
            (batch.schema, batch.deadline) = ("unknown", DEADLINE - 1);
            bytes memory signature = signedBatch(batch, contents[i], SEALED);
            refuses(
                batch,
                contents[i],
                "",
                abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, issuer, relayer)
            );
            refuses(batch, contents[i], signedBatch(batch, contents[i], RECORDED));
            vm.warp(DEADLINE);
            refuses(
                batch,
                contents[i],
                signature,
                abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, DEADLINE - 1)
            );
            vm.warp(NOW);
            refuses(
                batch,
                contents[i],
                signature,
                abi.encodeWithSelector(IAttestationRegistry.StreamMoved.selector, batch.stream, 7, 0)
            );
        }
    }

    function test_RefusesTheSignatureOfOneStatementForABatchOfIt() external {
        refuses(batchOf(issuer), packed(sample()), signed(uidOf(sample())));
        nothingIsKnownOfRoot(uidOf(sample()));
    }

    function test_ADeadlineOfZeroHasPassed() external {
        testFuzz_ADeadlineOfZeroHasPassed(0, 0, 1);
        testFuzz_ADeadlineOfZeroHasPassed(0, 0, 2);
    }

    /// Whatever is signed: the batch, or one statement that is all of it.
    function testFuzz_ADeadlineOfZeroHasPassed(bytes32 stream, uint64 position, uint256 count) public {
        Attestation[] memory items = many(within(count, 1, 3));
        bytes32 root = Trees.rootOf(uidsOf(items));
        Batch memory batch = batchOf(issuer);
        (batch.stream, batch.position, batch.deadline) = (stream, position, 0);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, 0);
        refuses(batch, Packing.pack(items), signedBatch(batch, Packing.pack(items), SEALED), error_);
        refuses(batch, Packing.pack(items), signed(uidOf(items[0])), error_);
        refuses(batch, Packing.pack(items), signed(root), error_);
        nothingIsKnownOfRoot(root);
        equal(registry.headOf(issuer, stream).count, 0);
    }

    function sealsSigned(Attestation[] memory items, address sender) private {
        Batch memory batch = batchOf(issuer);
        bytes32 root = Trees.rootOf(uidsOf(items));
        bytes memory signature = signedBatch(batch, Packing.pack(items), SEALED);
        expectSealed(root, Packing.pack(items));
        vm.prank(sender);
        equal(registry.seal(batch, Packing.pack(items), signature), root);
        keeps(root, SEALED, block.timestamp, items.length, false);
        for (uint256 i = 0; i < items.length; ++i) {
            bool expired = items[i].expiresAt != 0 && items[i].expiresAt <= block.timestamp;
            proves(items[i], Trees.proofOf(uidsOf(items), i), !expired);
        }
    }

    function send(Batch memory batch, bytes memory items, bytes memory signature) private returns (bytes32) {
        vm.prank(relayer);
        return registry.seal(batch, items, signature);
    }

    function refuses(Batch memory batch, bytes memory items, bytes memory signature) private {
        bytes memory error_ = abi.encodeWithSelector(
            IAttestationRegistry.InvalidSignature.selector,
            batch.attester
        );
        refuses(batch, items, signature, error_);
    }

    function refuses(
        Batch memory batch,
        bytes memory items,
        bytes memory signature,
        bytes memory error_
    ) private {
        vm.expectRevert(error_);
        send(batch, items, signature);
    }
}

/// One statement by its own signature, which is over the uid.
contract SealOneSignedSpec is Spec {
    function test_SealsWhatTheIssuerSignedWhoeverSendsItAndWhenever() external {
        testFuzz_SealsWhatTheIssuerSignedWhoeverSendsItAndWhenever(sample(), relayer, 0);
        Attestation memory a = sample();
        (a.recipient, a.ref, a.expiresAt, a.salt, a.data) = (address(0), 0, 0, 0, "");
        testFuzz_SealsWhatTheIssuerSignedWhoeverSendsItAndWhenever(a, issuer, type(uint40).max);
    }

    function testFuzz_SealsWhatTheIssuerSignedWhoeverSendsItAndWhenever(
        Attestation memory a,
        address sender,
        uint40 time
    ) public {
        a = ours(a);
        bytes32 uid = uidOf(a);
        bytes memory signature = signed(uid);
        vm.warp(within(time, NOW, type(uint40).max));
        expectSealed(uid, packedAtLength(a));
        vm.recordLogs();
        vm.prank(sender);
        equal(registry.sealSigned(a, signature), uid);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        equal(logs.length, 1);
        this.readsBack(a, abi.decode(logs[0].data, (bytes)));
        keeps(uid, SEALED, block.timestamp, 1, false);
        provesAlone(a, a.expiresAt == 0 || a.expiresAt > block.timestamp);
        nothingIsKnownOf(uid);
    }

    function testFuzz_ARepeatIsSilentWhoeverSendsItAndRevivesNothing(
        Attestation memory a,
        address sender,
        uint40 time
    ) external {
        a = ours(a);
        bytes32 uid = sealSigned(a);
        bytes memory signature = signed(uid);
        revokeLeaves(uid, only(0));
        vm.warp(within(time, NOW, type(uint40).max));
        vm.recordLogs();
        vm.prank(sender);
        equal(registry.sealSigned(a, signature), uid);
        silent();
        keeps(uid, SEALED, NOW, 1, true);
        provesAlone(a, !a.revocable && (a.expiresAt == 0 || a.expiresAt > block.timestamp));
    }

    /// A batch of one and the statement by itself are the same root, whichever comes first.
    function test_SealsOnceByABatchOrByItself() external {
        Attestation[] memory items = many(2);
        seal(one(items[0]));
        vm.warp(NOW + 1);
        vm.recordLogs();
        equal(sealSigned(items[0]), uidOf(items[0]));
        silent();
        keeps(uidOf(items[0]), SEALED, NOW, 1, false);

        sealSigned(items[1]);
        vm.warp(NOW + 2);
        vm.recordLogs();
        equal(seal(one(items[1])), uidOf(items[1]));
        silent();
        keeps(uidOf(items[1]), SEALED, NOW + 1, 1, false);
    }

    /// Also for the issuer itself, who needs none where it sends a batch.
    function test_RefusesTheSignatureOfAnotherStatementOrKeyWhoeverSendsIt() external {
        Attestation[] memory items = many(2);
        refuses(items[0], signed(uidOf(items[1])));
        refuses(items[0], signedBy(ISSUER_KEY + 1, uidOf(items[0])));
        refuses(items[0], "");
        refuses(items[0], new bytes(65));
        Attestation memory foreign = many(1)[0];
        foreign.attester = address(0xE15E);
        refuses(foreign, signed(uidOf(items[0])));
        refuses(foreign, signed(uidOf(foreign)));
        foreign = many(1)[0];
        foreign.schema = schemas.register("bool other", address(0), true);
        refuses(foreign, signed(uidOf(items[0])));
    }

    function testFuzz_ARelayerCannotChangeAnyField(uint256 field, uint256 by) external {
        Attestation memory a = sample();
        bytes memory signature = signed(uidOf(a));
        field %= 8;
        if (field == 0) a.schema ^= bytes32(by | 1);
        else if (field == 1) a.attester = address(uint160(within(by, 0x10000, type(uint160).max)));
        else if (field == 2) a.recipient = address(uint160(a.recipient) ^ uint160(by | 1));
        else if (field == 3) a.ref ^= bytes32(by | 1);
        else if (field == 4) a.expiresAt ^= uint40(by | 1);
        else if (field == 5) a.revocable = false;
        else if (field == 6) a.salt ^= bytes32(by | 1);
        else a.data[by % a.data.length] ^= bytes1(uint8(1 << (by % 8)));
        vm.assume(a.attester != issuer || field != 1);
        refuses(a, signature);
    }

    /// A batch of one is signed as a batch.
    function test_RefusesASignatureOverABatchOfIt() external {
        Batch memory batch = batchOf(issuer);
        for (uint256 i = 0; i < 2; ++i) {
            for (uint8 level = 0; level < 3; ++level) {
                refuses(sample(), signedBatch(batch, packed(sample()), level));
                refuses(sample(), signedBatch(batch, packedAtLength(sample()), level));
            }
            refuses(sample(), signedAnchor(batch, uidOf(sample()), 1));
            batch.deadline = 0;
        }
    }

    function testFuzz_RefusesSignaturesForAnotherChain(uint256 chain) external {
        chain = within(chain, 1, type(uint64).max);
        vm.assume(chain != block.chainid);
        bytes memory signature = signed(uidOf(sample()));
        vm.chainId(chain);
        refuses(sample(), signature);
    }

    function test_RefusesSignaturesForAnotherRegistry() external {
        bytes memory signature = signed(uidOf(sample()));
        registry = Registries.newRegistry(schemas);
        refuses(sample(), signature);
    }

    function testFuzz_RefusesAnUnknownSchema(bytes32 unknown) external {
        vm.assume(unknown != schema && unknown != firmSchema && unknown != resolverSchema);
        Attestation memory a = sample();
        a.schema = unknown;
        refuses(a, 0, abi.encodeWithSelector(IAttestationRegistry.UnknownSchema.selector, unknown));
        refuses(a, 1, abi.encodeWithSelector(IAttestationRegistry.UnknownSchema.selector, unknown));
        a.revocable = false;
        refuses(a, 0, abi.encodeWithSelector(IAttestationRegistry.UnknownSchema.selector, unknown));
    }

    function test_RefusesARevocableOneOfAnIrrevocableSchema() external {
        Attestation memory a = sample();
        a.schema = firmSchema;
        refuses(a, 0, abi.encodeWithSelector(IAttestationRegistry.SchemaIrrevocable.selector, firmSchema));

        a.schema = schemas.register("bool asked", agreeing(), false);
        refuses(a, 1, abi.encodeWithSelector(IAttestationRegistry.SchemaIrrevocable.selector, a.schema));
        a.revocable = false;
        equal(sealSigned(a), uidOf(a));
        provesAlone(a, true);
    }

    function test_SealsUnderAnIrrevocableSchema() external {
        Attestation memory a = sample();
        (a.schema, a.revocable) = (firmSchema, false);
        bytes32 uid = uidOf(a);
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Sealed(issuer, firmSchema, uid, packedAtLength(a));
        equal(sealSigned(a), uid);
        keeps(Root.wrap((1 << 88) | (1 << 80) | (1 << 40) | NOW), firmSchema, uid);
        provesAlone(a, true);
    }

    function test_RefusesValueWithoutAResolver() external {
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.ValueWithoutResolver.selector);
        refuses(sample(), 1, error_);
        sealSigned(sample());
        refusesToRepeat(sample(), 1, error_);
    }

    function test_RefusesAResolverWithoutCode() external {
        Attestation memory a = sample();
        a.schema = resolverSchema;
        refuses(a, 0, abi.encodeWithSelector(IAttestationRegistry.ResolverRefused.selector, RESOLVER));
    }

    function test_RefusesToSealAgainUnderAResolver() external {
        Attestation[] memory items = many(2);
        items[0].schema = items[1].schema = schemas.register("bool asked", agreeing(), true);
        Batch memory batch = batchOf(issuer);
        batch.schema = items[0].schema;
        sealSigned(items[0]);
        vm.prank(issuer);
        registry.seal(batch, packed(items[1]), "");
        for (uint256 i = 0; i < 2; ++i) {
            bytes32 uid = uidOf(items[i]);
            bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.RootTaken.selector, uid);
            refusesToRepeat(items[i], 0, error_);
            vm.expectRevert(error_);
            vm.prank(issuer);
            registry.seal(batch, packed(items[i]), "");
            keeps(Root.wrap((3 << 88) | (1 << 80) | (1 << 40) | NOW), batch.schema, uid);
            provesAlone(items[i], true);
        }
    }

    /// The issuer anchored it before, under whatever count.
    function testFuzz_PromotesAnAnchor(uint40 count) external {
        count = uint40(within(count, 1, type(uint40).max));
        bytes32 uid = uidOf(sample());
        anchor(uid, count);
        provesAlone(sample(), count == 1);
        vm.warp(NOW + 1);
        expectSealed(uid, packedAtLength(sample()));
        sealSigned(sample());
        keeps(uid, SEALED, NOW + 1, 1, false);
        provesAlone(sample(), true);
    }

    function test_PromotesWhatItsSignatureAnchored() external {
        bytes32 uid = anchorSigned(sample());
        provesAlone(sample(), true);
        vm.warp(NOW + 1);
        expectSealed(uid, packedAtLength(sample()));
        equal(sealSigned(sample()), uid);
        keeps(uid, SEALED, NOW + 1, 1, false);
        provesAlone(sample(), true);
        vm.recordLogs();
        anchorSigned(sample());
        silent();
        keeps(uid, SEALED, NOW + 1, 1, false);
    }

    function test_WhatWasRevokedOfAnAnchorStaysRevoked() external {
        bytes32 uid = anchorSigned(sample());
        revokeLeaves(uid, only(0));
        provesAlone(sample(), false);
        vm.warp(NOW + 1);
        sealSigned(sample());
        keeps(uid, SEALED, NOW + 1, 1, true);
        equal(registry.isLeafRevoked(issuer, schema, uid, 0), true);
        provesAlone(sample(), false);
    }

    /// An attester may have revoked leaves that it never had, and none that it has.
    function test_APromotedOneIsValidIfOtherLeavesWereRevoked() external {
        bytes32 uid = uidOf(sample());
        anchor(uid, 600);
        revokeLeaves(uid, only(256));
        sealSigned(sample());
        keeps(uid, SEALED, NOW, 1, true);
        equal(registry.isLeafRevoked(issuer, schema, uid, 256), true);
        equal(registry.isLeafRevoked(issuer, schema, uid, 0), false);
        provesAlone(sample(), true);
    }

    /// The Warning of attestSigned: it can be sealed, and is not valid.
    function test_WhatIsRevokedBeforeIsSealedAndNotValid() external {
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(sample())), "", 0, "");
        bytes32 uid = sealSigned(sample());
        keeps(uid, SEALED, NOW, 1, false);
        provesAlone(sample(), false);
        holds(sample(), 0, true);
    }

    function test_MayBeRecordedToo() external {
        bytes32 uid = sealSigned(sample());
        bytes memory signature = signed(uid);
        equal(registry.attestSigned(sample(), signature), uid);
        holds(sample(), NOW, false);
        provesAlone(sample(), true);
    }

    /// ERC-1271, with a signature of any length and also without one.
    function testFuzz_AContractSignsToo(bytes memory signature) public {
        Wallet wallet = new Wallet();
        Attestation memory a = sample();
        a.attester = address(wallet);
        refuses(a, signature);
        wallet.accept(uidOf(a), signature);
        bytes memory another = bytes.concat(signature, hex"00");
        refuses(a, another);
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Sealed(a.attester, schema, uidOf(a), packedAtLength(a));
        vm.prank(relayer);
        equal(registry.sealSigned(a, signature), uidOf(a));
        provesAlone(a, true);
    }

    function test_RefusesUnderAResolverWhatIsRecordedOrRevoked() external {
        bytes32 judged = schemas.register("bool judged", agreeing(), true);
        for (uint256 i = 0; i < 2; ++i) {
            Attestation memory a = many(2)[i];
            a.schema = judged;
            vm.prank(issuer);
            if (i == 0) registry.attest(a);
            else registry.revokeUnrecorded(one(bodiless(a)), "", 0, "");
            bytes32 uid = uidOf(a);
            bytes memory signature = signed(uid);
            vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.UidTaken.selector, uid));
            registry.sealSigned(a, signature);
            keepsNothing(a);
        }
    }

    function test_AnAnchorThatIsSealedByAnybodyIsKnownSinceItWasAnchored() external {
        bytes32 uid = uidOf(sample());
        registry.anchorSigned(bodiless(sample()), signed(uid));
        vm.warp(NOW + 400 days);
        sealSigned(sample());
        (, uint40 committedAt, , , , uint40 since) = registry.rootOf(issuer, schema, uid);
        equal(committedAt, NOW + 400 days);
        equal(since, NOW);
    }

    function test_AContractSignsToo() external {
        testFuzz_AContractSignsToo("");
        testFuzz_AContractSignsToo(new bytes(1000));
    }

    function test_AnAccountWithCodeKeepsItsKey() external {
        vm.etch(issuer, type(Wallet).runtimeCode);
        sealSigned(sample());
        provesAlone(sample(), true);
    }

    function agreeing() private returns (address) {
        return address(new Answering(abi.encode(IResolver.onAttested.selector)));
    }

    function refuses(Attestation memory a, bytes memory signature) private {
        bytes memory error_ = abi.encodeWithSelector(
            IAttestationRegistry.InvalidSignature.selector,
            a.attester
        );
        refuses(a, signature, 0, error_);
        keepsNothing(a);
    }

    /// With the right signature.
    function refuses(Attestation memory a, uint256 value, bytes memory error_) private {
        refuses(a, signed(uidOf(a)), value, error_);
        keepsNothing(a);
    }

    function refusesToRepeat(Attestation memory a, uint256 value, bytes memory error_) private {
        refuses(a, signed(uidOf(a)), value, error_);
    }

    function refuses(
        Attestation memory a,
        bytes memory signature,
        uint256 value,
        bytes memory error_
    ) private {
        address[2] memory senders = [issuer, relayer];
        for (uint256 i = 0; i < 2; ++i) {
            vm.deal(senders[i], value);
            vm.expectRevert(error_);
            vm.prank(senders[i]);
            registry.sealSigned{value: value}(a, signature);
        }
    }

    function keepsNothing(Attestation memory a) private view {
        (uint8 level, , uint40 count, , , ) = registry.rootOf(a.attester, a.schema, uidOf(a));
        equal(level, 0);
        equal(count, 0);
        provesAlone(a, false);
    }
}
