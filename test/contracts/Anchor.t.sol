// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {IResolver} from "../../contracts/interfaces/IResolver.sol";
import {Attestation, Statement} from "../../contracts/types/Attestation.sol";
import {Root} from "../../contracts/types/Root.sol";
import {Proof} from "../../contracts/types/Tree.sol";
import {Digests} from "./support/Digests.sol";
import {Packing} from "./support/Packing.sol";
import {Registries} from "./support/Registries.sol";
import {Spec} from "./support/Spec.sol";
import {Trees} from "./support/Trees.sol";
import {vm} from "./support/Vm.sol";
import {Answering, Wallet} from "./support/Wallets.sol";

/// A root that its issuer computed, sent by the issuer.
contract AnchorSpec is Spec {
    function testFuzz_RefusesACountOfZero(bytes32 root) external {
        Batch memory batch = batchOf(issuer);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector);
        bytes memory signature = signedAnchor(batch, root, 0);
        vm.expectRevert(error_);
        vm.prank(issuer);
        registry.anchor(batch, root, 0, "");
        vm.expectRevert(error_);
        vm.prank(relayer);
        registry.anchor(batch, root, 0, signature);
        nothingIsKnownOfRoot(root);
    }

    function test_RefusesAnUnknownSchema() external {
        Batch memory batch = batchOf(issuer);
        batch.schema = "unknown";
        bytes memory error_ = abi.encodeWithSelector(
            IAttestationRegistry.UnknownSchema.selector,
            batch.schema
        );
        bytes memory signature = signedAnchor(batch, "root", 3);
        vm.expectRevert(error_);
        vm.prank(issuer);
        registry.anchor(batch, "root", 3, "");
        vm.expectRevert(error_);
        vm.prank(relayer);
        registry.anchor(batch, "root", 3, signature);
    }

    function test_RefusesValue() external {
        address agreeing = agreed();
        bytes32[2] memory either = [schema, schemas.register("bool asked", agreeing, true)];
        vm.deal(issuer, 1);
        for (uint256 i = 0; i < 2; ++i) {
            Batch memory batch = batchOf(issuer);
            batch.schema = either[i];
            bytes memory data = abi.encodeCall(registry.anchor, (batch, "root", 3, ""));
            vm.prank(issuer);
            (bool ok, bytes memory answer) = address(registry).call{value: 1}(data);
            equal(ok, false);
            equal(answer, "");
            vm.prank(issuer);
            (ok, ) = address(registry).call(data);
            equal(ok, true);
        }
        equal(issuer.balance, 1);
        equal(address(registry).balance, 0);
    }

    function test_AnchorsARootOfTheSender() external {
        for (uint256 count = 1; count <= 9; ++count) {
            vm.warp(NOW + count);
            bytes32 root = Trees.rootOf(uidsOf(many(count)));
            anchors(root, uint40(count));
            proves(many(count), true);
            nothingIsKnownOf(uidOf(many(count)[0]));
        }
    }

    function test_AnchorsAnyRoot() external {
        testFuzz_AnchorsAnyRoot(0, 1);
        testFuzz_AnchorsAnyRoot(bytes32(type(uint256).max), type(uint40).max);
    }

    function testFuzz_AnchorsAnyRoot(bytes32 root, uint40 count) public {
        vm.assume(count != 0);
        anchors(root, count);
    }

    function test_AnchorsUnderAnIrrevocableSchema() external {
        Attestation[] memory items = many(3);
        for (uint256 i = 0; i < 3; ++i) (items[i].schema, items[i].revocable) = (firmSchema, i == 1);
        bytes32 root = Trees.rootOf(uidsOf(items));
        Batch memory batch = batchOf(issuer);
        batch.schema = firmSchema;
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.Anchored(issuer, firmSchema, root, 3);
        vm.prank(issuer);
        registry.anchor(batch, root, 3, "");
        keeps(Root.wrap((1 << 88) | (2 << 80) | (3 << 40) | NOW), firmSchema, root);
        // What the schema forbids is not valid, and nobody looked when it was anchored.
        for (uint256 i = 0; i < 3; ++i) proves(items[i], Trees.proofOf(uidsOf(items), i), i != 1);
    }

    function test_IgnoresDeadlineAndSignatureOfASenderWhoIsTheAttester() external {
        Batch memory batch = batchOf(issuer);
        for (uint40 deadline = 0; deadline < 2; ++deadline) {
            batch.deadline = deadline;
            vm.prank(issuer);
            registry.anchor(batch, "root", 3, hex"00");
        }
        keeps("root", ANCHORED, NOW, 3, false);
    }

    function test_AnchoringAgainIsSilent() external {
        testFuzz_AnchoringAgainIsSilentWhateverTheCount("root", 3, 3);
    }

    function testFuzz_AnchoringAgainIsSilentWhateverTheCount(
        bytes32 root,
        uint40 count,
        uint40 again
    ) public {
        vm.assume(count != 0 && again != 0);
        anchor(root, count);
        revokeLeaves(root, only(count - 1));
        vm.warp(NOW + 1);
        vm.recordLogs();
        anchor(root, again);
        silent();
        keeps(root, ANCHORED, NOW, count, true);
    }

    function test_AnchoringWhatIsSealedIsSilent() external {
        bytes32 root = seal(many(3));
        revokeLeaves(root, only(2));
        vm.warp(NOW + 1);
        vm.recordLogs();
        anchor(root, 1);
        silent();
        keeps(root, SEALED, NOW, 3, true);
        for (uint256 i = 0; i < 3; ++i) {
            proves(many(3)[i], Trees.proofOf(uidsOf(many(3)), i), i != 2);
        }
    }

    function test_RefusesInAStreamARootThatIsAnchoredOrSealed() external {
        anchor("root", 3);
        bytes32 sealed_ = seal(many(3));
        Batch memory batch = batchOf(issuer);
        batch.stream = "stream";
        refusesTaken(batch, "root");
        refusesTaken(batch, sealed_);
        equal(registry.headOf(issuer, "stream").count, 0);
        keeps("root", ANCHORED, NOW, 3, false);
        keeps(sealed_, SEALED, NOW, 3, false);
    }

    /// Whoever anchors another's root first, under whatever count, takes nothing from the other.
    function testFuzz_NobodyTakesTheRootOfAnother(address squatter, uint40 count) external {
        vm.assume(squatter != issuer && count != 0);
        Attestation[] memory items = many(3);
        bytes32 root = Trees.rootOf(uidsOf(items));
        vm.prank(squatter);
        registry.anchor(batchOf(squatter), root, count, "");
        proves(items, false);
        nothingIsKnownOfRoot(root);

        vm.warp(NOW + 1);
        anchors(root, 3);
        proves(items, true);
        vm.warp(NOW + 2);
        seal(items);
        keeps(root, SEALED, NOW + 2, 3, false);
    }

    function testFuzz_ARootOfAnotherSchemaMakesNoLeafValid(uint40 count) external {
        vm.assume(count != 0);
        Attestation[] memory items = many(3);
        bytes32 root = Trees.rootOf(uidsOf(items));
        Batch memory batch = batchOf(issuer);
        batch.schema = schemas.register("bool other", address(0), true);
        vm.prank(issuer);
        registry.anchor(batch, root, count, "");
        keeps(Root.wrap((3 << 88) | (2 << 80) | (uint256(count) << 40) | NOW), batch.schema, root);
        proves(items, false);
        nothingIsKnownOfRoot(root);
        anchors(root, 3);
        proves(items, true);
    }

    /// An attester who anchors a root over another's statements, or under its name, makes none of them valid.
    function test_NobodyMakesTheStatementsOfAnotherValid() external {
        Attestation[] memory items = many(3);
        items[1].attester = address(0xE15E);
        anchors(Trees.rootOf(uidsOf(items)), 3);
        for (uint256 i = 0; i < 3; ++i) proves(items[i], Trees.proofOf(uidsOf(items), i), i != 1);
    }

    function test_ACountThatIsTooSmallHidesTheLeavesThatItLeavesOut() external {
        Attestation[] memory items = many(8);
        for (uint40 count = 5; count < 8; ++count) {
            items[0].salt = keccak256(abi.encode(count));
            anchors(Trees.rootOf(uidsOf(items)), count);
            for (uint256 i = 0; i < 8; ++i) proves(items[i], Trees.proofOf(uidsOf(items), i), i < count);
        }
    }

    function test_ACountOfALowerTreeDeniesAllLeaves() external {
        for (uint40 count = 1; count <= 4; ++count) {
            Attestation[] memory items = many(5);
            items[0].salt = keccak256(abi.encode(count));
            anchors(Trees.rootOf(uidsOf(items)), count);
            proves(items, false);
        }
    }

    function test_ACountThatIsTooLargeDeniesAllLeavesUnlessTheTreeIsAsHigh() external {
        uint40[7] memory counts = [uint40(6), 7, 8, 9, 16, 17, type(uint40).max];
        for (uint256 n = 0; n < counts.length; ++n) {
            Attestation[] memory items = many(5);
            items[0].salt = keccak256(abi.encode(counts[n]));
            anchors(Trees.rootOf(uidsOf(items)), counts[n]);
            proves(items, counts[n] <= 8);
        }
    }

    function testFuzz_ALeafIsValidWhereTheCountHasItsPlaceAndTheHeight(uint256 size, uint40 count) external {
        Attestation[] memory items = many(within(size, 1, 9));
        count = uint40(within(count, 1, 18));
        bytes32[] memory uids = uidsOf(items);
        anchors(Trees.rootOf(uids), count);
        bool asHigh = Trees.heightOf(count) == Trees.heightOf(items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            proves(items[i], Trees.proofOf(uids, i), asHigh && i < count);
        }
    }

    function test_PaddingIsNoLeafOfACountThatIsTooLarge() external {
        Attestation[] memory items = many(3);
        bytes32[] memory uids = uidsOf(items);
        anchors(Trees.rootOf(uids), 4);
        proves(items, true);
        for (uint256 i = 0; i < 3; ++i) proves(items[i], Trees.proofOf(uids, 3), false);
    }

    /// A tree that is built higher than its leaves need: one index would be one leaf in several trees.
    function test_ATreeThatIsHigherThanItsCountNeedsDeniesAllLeaves() external {
        Attestation[] memory items = many(5);
        bytes32[] memory uids = uidsOf(items);
        bytes32 zeros = Trees.rootOf(new bytes32[](8));
        anchors(Trees.parent(Trees.rootOf(uids), zeros), 5);
        for (uint256 i = 0; i < 5; ++i) proves(items[i], higher(Trees.proofOf(uids, i), zeros), false);
        anchors(Trees.parent(Trees.rootOf(strangers()), Trees.rootOf(uids)), 16);
        for (uint256 i = 0; i < 5; ++i) {
            Proof memory proof = higher(Trees.proofOf(uids, i), Trees.rootOf(strangers()));
            proves(items[i], proof, false);
            proof.index += 8;
            proves(items[i], proof, true);
        }
    }

    function test_AnAnchoredLeafOfASchemaWithAResolverIsNeverValid() external {
        address[3] memory resolvers = [RESOLVER, agreed(), address(new Answering(""))];
        for (uint256 i = 0; i < 3; ++i) {
            Batch memory batch = batchOf(issuer);
            batch.schema = schemas.register("bool asked", resolvers[i], true);
            Attestation[] memory items = under(batch.schema, 3);
            bytes32 root = Trees.rootOf(uidsOf(items));
            vm.expectEmit(address(registry));
            emit IAttestationRegistry.Anchored(issuer, batch.schema, root, 3);
            vm.prank(issuer);
            registry.anchor(batch, root, 3, "");
            keeps(Root.wrap((2 << 88) | (2 << 80) | (3 << 40) | NOW), batch.schema, root);
            proves(items, false);
        }
    }

    function test_AnAnchoredLeafBecomesValidWhenItIsSealedAndTheResolverAgrees() external {
        Batch memory batch = batchOf(issuer);
        batch.schema = schemas.register("bool asked", agreed(), true);
        Attestation[] memory items = under(batch.schema, 3);
        bytes32 root = Trees.rootOf(uidsOf(items));
        vm.prank(issuer);
        registry.anchor(batch, root, 3, "");
        vm.warp(NOW + 1);
        vm.prank(issuer);
        equal(registry.seal(batch, Packing.pack(items), ""), root);
        keeps(Root.wrap((3 << 88) | (1 << 80) | (3 << 40) | (NOW + 1)), batch.schema, root);
        proves(items, true);
        // Anchoring again takes nothing back.
        vm.prank(issuer);
        registry.anchor(batch, root, 3, "");
        proves(items, true);
    }

    function test_AnAnchoredLeafStaysInvalidWhenItsResolverDoesNotAgree() external {
        address refusing = address(new Answering(abi.encode(bytes4(0xffffffff))));
        Batch memory batch = batchOf(issuer);
        batch.schema = schemas.register("bool asked", refusing, true);
        Attestation[] memory items = under(batch.schema, 3);
        bytes32 root = Trees.rootOf(uidsOf(items));
        vm.prank(issuer);
        registry.anchor(batch, root, 3, "");
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.ResolverRefused.selector, refusing));
        vm.prank(issuer);
        registry.seal(batch, Packing.pack(items), "");
        keeps(Root.wrap((2 << 88) | (2 << 80) | (3 << 40) | NOW), batch.schema, root);
        proves(items, false);
    }

    function anchors(bytes32 root, uint40 count) private {
        expectAnchored(root, count);
        vm.recordLogs();
        anchor(root, count);
        equal(vm.getRecordedLogs().length, 1);
        keeps(root, ANCHORED, block.timestamp, count, false);
    }

    function refusesTaken(Batch memory batch, bytes32 root) private {
        bytes memory signature = signedAnchor(batch, root, 3);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.RootTaken.selector, root));
        vm.prank(issuer);
        registry.anchor(batch, root, 3, "");
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.RootTaken.selector, root));
        vm.prank(relayer);
        registry.anchor(batch, root, 3, signature);
    }

    function under(bytes32 schema_, uint256 count) private view returns (Attestation[] memory items) {
        items = many(count);
        for (uint256 i = 0; i < count; ++i) items[i].schema = schema_;
    }

    function agreed() private returns (address) {
        return address(new Answering(abi.encode(IResolver.onAttested.selector)));
    }

    function strangers() private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](8);
        for (uint256 i = 0; i < 8; ++i) leaves[i] = keccak256(abi.encode(i));
    }

    function higher(Proof memory proof, bytes32 sibling) private pure returns (Proof memory taller) {
        taller = Proof(proof.index, new bytes32[](proof.path.length + 1));
        for (uint256 h = 0; h < proof.path.length; ++h) taller.path[h] = proof.path[h];
        taller.path[proof.path.length] = sibling;
    }
}

/// The same under a signature: what a relayer can do, and cannot.
contract AnchorSignedSpec is Spec {
    function test_RefusesASenderWithoutASignature() external {
        Batch memory batch = batchOf(issuer);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, issuer, relayer));
        vm.prank(relayer);
        registry.anchor(batch, "root", 3, "");
        nothingIsKnownOfRoot("root");
    }

    function test_TheDeadlineIsTheLastSecond() external {
        testFuzz_TheDeadlineIsTheLastSecond(DEADLINE, DEADLINE);
        testFuzz_TheDeadlineIsTheLastSecond(DEADLINE - 1, DEADLINE);
    }

    function testFuzz_TheDeadlineIsTheLastSecond(uint40 deadline, uint40 time) public {
        vm.assume(deadline != 0);
        vm.warp(within(time, 1, type(uint40).max));
        Batch memory batch = batchOf(issuer);
        batch.deadline = deadline;
        bytes32 root = keccak256(abi.encode(deadline));
        bytes memory signature = signedAnchor(batch, root, 3);
        if (block.timestamp > deadline) {
            vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, deadline));
            send(batch, root, 3, signature);
            nothingIsKnownOfRoot(root);
        } else {
            send(batch, root, 3, signature);
            keeps(root, ANCHORED, block.timestamp, 3, false);
        }
    }

    function test_RefusesTheSignatureOfAnotherKey() external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = abi.encodePacked(bytes32("root"), uint40(3));
        bytes32 digest = Digests.batch(address(registry), batch, items, ANCHORED, 0);
        refuses(batch, "root", 3, signedBy(ISSUER_KEY + 1, digest));
    }

    function testFuzz_ARelayerCannotChangeAnyField(
        uint256 field,
        uint256 by,
        bytes32 root,
        uint40 count
    ) external {
        vm.assume(count > 1);
        Batch memory batch = batchOf(issuer);
        bytes memory signature = signedAnchor(batch, root, count);
        field %= 7;
        if (field == 0) batch.attester = address(uint160(within(by, 0x10000, type(uint160).max)));
        else if (field == 1) batch.schema = schemas.register("bool other", address(0), true);
        else if (field == 2) batch.deadline ^= uint40(1 << (by % 10));
        else if (field == 3) batch.stream ^= bytes32(by | 1);
        else if (field == 4) batch.position ^= uint64(by | 1);
        else if (field == 5) root ^= bytes32(by | 1);
        else count ^= 1;
        vm.assume(batch.attester != issuer || field != 0);
        refuses(batch, root, count, signature);
    }

    function test_RefusesASignatureForAnotherLevelOrValue() external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = abi.encodePacked(bytes32("root"), uint40(3));
        refuses(batch, "root", 3, signedBatch(batch, items, RECORDED));
        refuses(batch, "root", 3, signedBatch(batch, items, SEALED));
        refuses(batch, "root", 3, signed(Digests.batch(address(registry), batch, items, ANCHORED, 1)));
    }

    function test_RefusesTheSignatureOfASealOfTheSameRoot() external {
        Batch memory batch = batchOf(issuer);
        bytes32 root = Trees.rootOf(uidsOf(many(2)));
        bytes memory items = Packing.pack(many(2));
        refuses(batch, root, 2, signedBatch(batch, items, SEALED));
        refuses(batch, root, 2, signedBatch(batch, items, RECORDED));
        refuses(batch, root, 2, signedBatch(batch, items, ANCHORED));
    }

    /// Packed, and of 37 bytes: no other encoding of root and count is signed.
    function test_RefusesASignatureOverAnotherEncodingOfRootAndCount() external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = abi.encode(bytes32("root"), uint40(3));
        refuses(batch, "root", 3, signedBatch(batch, items, ANCHORED));
        items = abi.encodePacked(uint40(3), bytes32("root"));
        refuses(batch, "root", 3, signedBatch(batch, items, ANCHORED));
    }

    function test_ASignatureForAnAnchorDoesNotRecordOrSeal() external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = Packing.pack(many(2));
        bytes memory signature = signedBatch(batch, items, ANCHORED);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer);
        vm.expectRevert(error_);
        vm.prank(relayer);
        registry.record(batch, items, signature);
        vm.expectRevert(error_);
        vm.prank(relayer);
        registry.seal(batch, items, signature);
    }

    function testFuzz_RefusesSignaturesForAnotherChain(uint256 chain) external {
        chain = within(chain, 1, type(uint64).max);
        vm.assume(chain != block.chainid);
        Batch memory batch = batchOf(issuer);
        bytes memory signature = signedAnchor(batch, "root", 3);
        vm.chainId(chain);
        refuses(batch, "root", 3, signature);
    }

    function test_AnchorsWhatTheIssuerSignedWhoeverSendsIt() external {
        testFuzz_AnchorsWhatTheIssuerSignedWhoeverSendsIt(Trees.rootOf(uidsOf(many(5))), 5, relayer);
        proves(many(5), true);
    }

    function testFuzz_AnchorsWhatTheIssuerSignedWhoeverSendsIt(
        bytes32 root,
        uint40 count,
        address sender
    ) public {
        vm.assume(count != 0);
        Batch memory batch = batchOf(issuer);
        bytes memory signature = signedAnchor(batch, root, count);
        expectAnchored(root, count);
        vm.prank(sender);
        registry.anchor(batch, root, count, signature);
        keeps(root, ANCHORED, NOW, count, false);
    }

    function test_AReplayIsSilentAlsoWhenItIsSealedMeanwhile() external {
        Batch memory batch = batchOf(issuer);
        bytes32 root = Trees.rootOf(uidsOf(many(3)));
        bytes memory signature = signedAnchor(batch, root, 3);
        send(batch, root, 3, signature);
        revokeLeaves(root, only(0));
        vm.warp(NOW + 1);
        vm.recordLogs();
        send(batch, root, 3, signature);
        silent();
        keeps(root, ANCHORED, NOW, 3, true);

        seal(many(3));
        vm.warp(NOW + 2);
        vm.recordLogs();
        send(batch, root, 3, signature);
        silent();
        keeps(root, SEALED, NOW + 1, 3, true);
    }

    function test_RefusesTheSignatureOfOneStatementForARootOfIt() external {
        bytes32 uid = uidOf(sample());
        refuses(batchOf(issuer), uid, 1, signed(uid));
        nothingIsKnownOfRoot(uid);
    }

    function test_ADeadlineOfZeroHasPassed() external {
        testFuzz_ADeadlineOfZeroHasPassed(uidOf(sample()), 1, 0, 0);
        testFuzz_ADeadlineOfZeroHasPassed(uidOf(sample()), 1, "stream", 0);
    }

    /// Whatever is signed: the batch, or the root itself.
    function testFuzz_ADeadlineOfZeroHasPassed(
        bytes32 root,
        uint40 count,
        bytes32 stream,
        uint64 position
    ) public {
        vm.assume(count != 0);
        Batch memory batch = batchOf(issuer);
        (batch.stream, batch.position, batch.deadline) = (stream, position, 0);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, 0);
        refuses(batch, root, count, signedAnchor(batch, root, count), error_);
        refuses(batch, root, count, signed(root), error_);
        nothingIsKnownOfRoot(root);
        equal(registry.headOf(issuer, stream).count, 0);
    }

    function send(Batch memory batch, bytes32 root, uint40 count, bytes memory signature) private {
        vm.prank(relayer);
        registry.anchor(batch, root, count, signature);
    }

    function refuses(Batch memory batch, bytes32 root, uint40 count, bytes memory signature) private {
        bytes memory error_ = abi.encodeWithSelector(
            IAttestationRegistry.InvalidSignature.selector,
            batch.attester
        );
        refuses(batch, root, count, signature, error_);
    }

    function refuses(
        Batch memory batch,
        bytes32 root,
        uint40 count,
        bytes memory signature,
        bytes memory error_
    ) private {
        vm.expectRevert(error_);
        send(batch, root, count, signature);
    }
}

/// One statement by its own signature, which is over the uid.
contract AnchorOneSignedSpec is Spec {
    function test_AnchorsWhatTheIssuerSignedWhoeverSendsItAndWhenever() external {
        testFuzz_AnchorsWhatTheIssuerSignedWhoeverSendsItAndWhenever(sample(), relayer, 0);
        Attestation memory a = sample();
        (a.recipient, a.ref, a.expiresAt, a.salt, a.data) = (address(0), 0, 0, 0, "");
        testFuzz_AnchorsWhatTheIssuerSignedWhoeverSendsItAndWhenever(a, issuer, type(uint40).max);
    }

    function testFuzz_AnchorsWhatTheIssuerSignedWhoeverSendsItAndWhenever(
        Attestation memory a,
        address sender,
        uint40 time
    ) public {
        a = ours(a);
        bytes32 uid = uidOf(a);
        Statement memory statement = bodiless(a);
        bytes memory signature = signed(uid);
        vm.warp(within(time, NOW, type(uint40).max));
        expectAnchored(uid, 1);
        vm.recordLogs();
        vm.prank(sender);
        equal(registry.anchorSigned(statement, signature), uid);
        equal(vm.getRecordedLogs().length, 1);
        keeps(uid, ANCHORED, block.timestamp, 1, false);
        provesAlone(a, a.expiresAt == 0 || a.expiresAt > block.timestamp);
        nothingIsKnownOf(uid);
    }

    function testFuzz_ARepeatIsSilentWhoeverSendsItAndRevivesNothing(
        Attestation memory a,
        address sender,
        uint40 time
    ) external {
        a = ours(a);
        bytes32 uid = anchorSigned(a);
        revokeLeaves(uid, only(0));
        Statement memory statement = bodiless(a);
        bytes memory signature = signed(uid);
        vm.warp(within(time, NOW, type(uint40).max));
        vm.recordLogs();
        vm.prank(sender);
        equal(registry.anchorSigned(statement, signature), uid);
        silent();
        keeps(uid, ANCHORED, NOW, 1, true);
        provesAlone(a, !a.revocable && (a.expiresAt == 0 || a.expiresAt > block.timestamp));
    }

    /// Whatever the issuer said of the root before, only sealing changes it.
    function testFuzz_LeavesWhatIsAnchoredOrSealedAsItIs(uint40 count, bool sealed_) external {
        count = sealed_ ? 1 : uint40(within(count, 1, type(uint40).max));
        bytes32 uid = uidOf(sample());
        if (sealed_) seal(one(sample()));
        else anchor(uid, count);
        vm.warp(NOW + 1);
        vm.recordLogs();
        equal(anchorSigned(sample()), uid);
        silent();
        keeps(uid, sealed_ ? SEALED : ANCHORED, NOW, count, false);
        provesAlone(sample(), count == 1);
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

    /// The schema is part of what is signed: what was signed under one cannot be anchored under another, neither by the
    /// statement nor as a root of which nobody knows what it stands for.
    function testFuzz_AUidUnderAnotherSchemaCannotBeAnchoredByItsSignature(bytes32 other) external {
        vm.assume(other != schema);
        bytes32[4] memory others = [
            other,
            firmSchema,
            resolverSchema,
            schemas.register("bool other", address(0), true)
        ];
        bytes32 uid = uidOf(sample());
        bytes memory signature = signed(uid);
        for (uint256 i = 0; i < 4; ++i) {
            Attestation memory a = sample();
            a.schema = others[i];
            refuses(a, signature);
            Batch memory batch = batchOf(issuer);
            (batch.schema, batch.deadline) = (others[i], 0);
            vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, 0));
            vm.prank(relayer);
            registry.anchor(batch, uid, 1, signature);
            keeps(Root.wrap(0), others[i], uid);
        }
        // Its own is the only one.
        anchorSigned(sample());
        keeps(uid, ANCHORED, NOW, 1, false);
    }

    /// An issuer signs batches and revocations, too, and elsewhere whatever it likes. No such digest becomes a root.
    function testFuzz_ADigestThatIsNoUidCannotBeAnchoredByItsSignature(bytes32 digest) external {
        bytes32 uid = uidOf(sample());
        Batch memory batch = batchOf(issuer);
        bytes32[6] memory digests = [
            digest,
            Digests.batch(address(registry), batch, packed(sample()), RECORDED, 0),
            Digests.batch(address(registry), batch, packed(sample()), SEALED, 0),
            Digests.batch(address(registry), batch, abi.encodePacked(uid, uint40(1)), ANCHORED, 0),
            Digests.revocation(address(registry), issuer, one(uid), "", DEADLINE),
            Digests.leafRevocation(address(registry), issuer, schema, uid, only(0), "", DEADLINE)
        ];
        batch.deadline = 0;
        for (uint256 i = 0; i < 6; ++i) {
            vm.assume(digests[i] != uid);
            bytes memory signature = signed(digests[i]);
            refuses(sample(), signature);
            Attestation memory a = sample();
            a.data = abi.encode(digests[i]);
            refuses(a, signature);
            a.salt = digests[i];
            refuses(a, signature);
            vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, 0));
            vm.prank(relayer);
            registry.anchor(batch, digests[i], 1, signature);
            nothingIsKnownOfRoot(digests[i]);
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
        refuses(
            a,
            signed(uidOf(a)),
            abi.encodeWithSelector(IAttestationRegistry.UnknownSchema.selector, unknown)
        );
    }

    function test_RefusesValue() external {
        Attestation[3] memory several = [sample(), sample(), sample()];
        several[1].schema = schemas.register("bool asked", agreeing(), true);
        (several[2].schema, several[2].revocable) = (firmSchema, false);
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory signature = signed(uidOf(several[i]));
            bytes memory data = abi.encodeCall(registry.anchorSigned, (bodiless(several[i]), signature));
            vm.deal(relayer, 1);
            vm.prank(relayer);
            (bool ok, bytes memory answer) = address(registry).call{value: 1}(data);
            equal(ok, false);
            equal(answer, "");
            equal(relayer.balance, 1);
            vm.prank(relayer);
            (ok, ) = address(registry).call(data);
            equal(ok, true);
        }
        equal(address(registry).balance, 0);
    }

    /// What the schema forbids is not valid, and nobody looked when it was anchored.
    function test_AnchorsUnderAnIrrevocableSchema() external {
        for (uint256 i = 0; i < 2; ++i) {
            Attestation memory a = sample();
            (a.schema, a.revocable) = (firmSchema, i == 0);
            bytes32 uid = uidOf(a);
            vm.expectEmit(address(registry));
            emit IAttestationRegistry.Anchored(issuer, firmSchema, uid, 1);
            equal(anchorSigned(a), uid);
            keeps(Root.wrap((1 << 88) | (2 << 80) | (1 << 40) | NOW), firmSchema, uid);
            provesAlone(a, i == 1);
        }
    }

    function test_AnAnchoredLeafOfASchemaWithAResolverIsNeverValid() external {
        address[3] memory resolvers = [RESOLVER, agreeing(), address(new Answering(""))];
        for (uint256 i = 0; i < 3; ++i) {
            Attestation memory a = sample();
            a.schema = schemas.register("bool asked", resolvers[i], true);
            bytes32 uid = uidOf(a);
            vm.expectEmit(address(registry));
            emit IAttestationRegistry.Anchored(issuer, a.schema, uid, 1);
            anchorSigned(a);
            keeps(Root.wrap((2 << 88) | (2 << 80) | (1 << 40) | NOW), a.schema, uid);
            provesAlone(a, false);
            vm.recordLogs();
            anchorSigned(a);
            silent();
            provesAlone(a, false);
        }
    }

    function test_AnAnchoredLeafBecomesValidWhenItIsSealedAndTheResolverAgrees() external {
        Attestation memory a = sample();
        a.schema = schemas.register("bool asked", agreeing(), true);
        anchorSigned(a);
        vm.warp(NOW + 1);
        equal(sealSigned(a), uidOf(a));
        keeps(Root.wrap((3 << 88) | (1 << 80) | (1 << 40) | (NOW + 1)), a.schema, uidOf(a));
        provesAlone(a, true);
        // Anchoring again takes nothing back.
        anchorSigned(a);
        provesAlone(a, true);
    }

    function test_AnAnchoredLeafStaysInvalidWhenItsResolverDoesNotAgree() external {
        address refusing = address(new Answering(abi.encode(bytes4(0xffffffff))));
        Attestation memory a = sample();
        a.schema = schemas.register("bool asked", refusing, true);
        bytes32 uid = anchorSigned(a);
        bytes memory signature = signed(uid);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.ResolverRefused.selector, refusing));
        registry.sealSigned(a, signature);
        keeps(Root.wrap((2 << 88) | (2 << 80) | (1 << 40) | NOW), a.schema, uid);
        provesAlone(a, false);
    }

    function test_WhatIsRevokedBeforeIsAnchoredAndNotValid() external {
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(sample())), "", 0, "");
        keeps(anchorSigned(sample()), ANCHORED, NOW, 1, false);
        provesAlone(sample(), false);
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
        emit IAttestationRegistry.Anchored(a.attester, schema, uidOf(a), 1);
        vm.prank(relayer);
        equal(registry.anchorSigned(bodiless(a), signature), uidOf(a));
        provesAlone(a, true);
    }

    function test_AContractSignsToo() external {
        testFuzz_AContractSignsToo("");
        testFuzz_AContractSignsToo(new bytes(1000));
    }

    function test_AnAccountWithCodeKeepsItsKey() external {
        vm.etch(issuer, type(Wallet).runtimeCode);
        anchorSigned(sample());
        provesAlone(sample(), true);
    }

    function agreeing() private returns (address) {
        return address(new Answering(abi.encode(IResolver.onAttested.selector)));
    }

    function refuses(Attestation memory a, bytes memory signature) private {
        refuses(
            a,
            signature,
            abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, a.attester)
        );
    }

    function refuses(Attestation memory a, bytes memory signature, bytes memory error_) private {
        Statement memory statement = bodiless(a);
        address[2] memory senders = [issuer, relayer];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(error_);
            vm.prank(senders[i]);
            registry.anchorSigned(statement, signature);
        }
        (uint8 level, , uint40 count, , , ) = registry.rootOf(a.attester, a.schema, uidOf(a));
        equal(level, 0);
        equal(count, 0);
        provesAlone(a, false);
    }
}
