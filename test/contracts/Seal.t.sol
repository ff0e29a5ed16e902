// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {IResolver} from "../../contracts/interfaces/IResolver.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Items} from "../../contracts/types/Items.sol";
import {Root} from "../../contracts/types/Root.sol";
import {Proof} from "../../contracts/types/Tree.sol";
import {Digests} from "./support/Digests.sol";
import {Packing} from "./support/Packing.sol";
import {Spec} from "./support/Spec.sol";
import {Trees} from "./support/Trees.sol";
import {vm} from "./support/Vm.sol";
import {Answering} from "./support/Wallets.sol";

/// Many attestations under one root, sent by their issuer.
contract SealSpec is Spec {
    function test_RefusesAnEmptyBatch() external {
        refuses(hex"0000", abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector));
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
        for (uint8 count = 0; count < 3; ++count) {
            items[1] = bytes1(count);
            refuses(items, malformed(Packing.pack(many(count)).length));
        }
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

    /// Whoever sends it: what is wrong with the items is found before the signature is read.
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

    function test_TheSignatureOfOneStatementSealsItWhoeverSendsItAndWhenever() external {
        testFuzz_TheSignatureOfOneStatementSealsItWhoeverSendsItAndWhenever(sample(), relayer, 0);
    }

    function testFuzz_TheSignatureOfOneStatementSealsItWhoeverSendsItAndWhenever(
        Attestation memory a,
        address sender,
        uint40 time
    ) public {
        a = ours(a);
        bytes32 uid = uidOf(a);
        bytes memory signature = signed(uid);
        vm.warp(within(time, NOW, type(uint40).max));
        expectSealed(uid, packed(a));
        vm.prank(sender);
        equal(registry.seal(timeless(), packed(a), signature), uid);
        keeps(uid, SEALED, block.timestamp, 1, false);
        bool expired = a.expiresAt != 0 && a.expiresAt <= block.timestamp;
        proves(a, Proof(0, new bytes32[](0)), !expired);

        vm.recordLogs();
        vm.prank(sender);
        equal(registry.seal(timeless(), packed(a), signature), uid);
        silent();
    }

    function test_TheSignatureOfOneStatementPromotesItsAnchor() external {
        bytes32 uid = uidOf(sample());
        bytes memory signature = signed(uid);
        anchor(uid, 2);
        proves(one(sample()), false);
        equal(send(timeless(), packed(sample()), signature), uid);
        keeps(uid, SEALED, NOW, 1, false);
        proves(one(sample()), true);
    }

    function test_TheSignatureOfOneStatementCountsWithoutADeadlineAlone() external {
        refuses(batchOf(issuer), packed(sample()), signed(uidOf(sample())));
    }

    function test_RefusesTheSignatureOfOneStatementForTwo() external {
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, 0);
        bytes memory items = Packing.pack(many(2));
        bytes32 root = Trees.rootOf(uidsOf(many(2)));
        refuses(timeless(), items, signed(uidOf(many(2)[0])), error_);
        refuses(timeless(), items, signed(uidOf(many(2)[1])), error_);
        refuses(timeless(), items, signed(root), error_);
        refuses(timeless(), items, signedBatch(timeless(), items, SEALED), error_);
        nothingIsKnownOfRoot(root);
    }

    function testFuzz_RefusesTheSignatureOfOneStatementWithinAStream(bytes32 stream, uint64 place) external {
        vm.assume(stream != 0);
        Batch memory batch = timeless();
        (batch.stream, batch.position) = (stream, place);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, 0);
        refuses(batch, packed(sample()), signed(uidOf(sample())), error_);
        refuses(batch, packed(sample()), signedBatch(batch, packed(sample()), SEALED), error_);
        equal(registry.headOf(issuer, stream).count, 0);
    }

    function test_RefusesTheSignatureOfAnotherStatementOrKey() external {
        Attestation[] memory items = many(2);
        refuses(timeless(), packed(items[0]), signed(uidOf(items[1])));
        refuses(timeless(), packed(items[0]), signedBy(ISSUER_KEY + 1, uidOf(items[0])));
        refuses(timeless(), packed(items[0]), "");
        Batch memory foreign = timeless();
        foreign.attester = address(0xE15E);
        refuses(foreign, packed(items[0]), signed(uidOf(items[0])));
        foreign = timeless();
        foreign.schema = schemas.register("bool other", address(0), true);
        refuses(foreign, packed(items[0]), signed(uidOf(items[0])));
    }

    function test_RefusesASignatureOverTheBatchWithoutADeadline() external {
        bytes memory items = packed(sample());
        refuses(timeless(), items, signedBatch(timeless(), items, SEALED));
    }

    function test_TheSignatureOfOneStatementDoesNotRecordABatch() external {
        bytes memory signature = signed(uidOf(sample()));
        Batch memory batch = timeless();
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, 0));
        vm.prank(relayer);
        registry.record(batch, packed(sample()), signature);
    }

    function timeless() private view returns (Batch memory batch) {
        batch = batchOf(issuer);
        batch.deadline = 0;
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
