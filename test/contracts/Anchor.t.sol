// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {IResolver} from "../../contracts/interfaces/IResolver.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Root} from "../../contracts/types/Root.sol";
import {Proof} from "../../contracts/types/Tree.sol";
import {Digests} from "./support/Digests.sol";
import {Packing} from "./support/Packing.sol";
import {Spec} from "./support/Spec.sol";
import {Trees} from "./support/Trees.sol";
import {vm} from "./support/Vm.sol";
import {Answering} from "./support/Wallets.sol";

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

    function test_TheSignatureOfOneStatementAnchorsItWhoeverSendsItAndWhenever() external {
        testFuzz_TheSignatureOfOneStatementAnchorsItWhoeverSendsItAndWhenever(sample(), relayer, 0);
    }

    function testFuzz_TheSignatureOfOneStatementAnchorsItWhoeverSendsItAndWhenever(
        Attestation memory a,
        address sender,
        uint40 time
    ) public {
        a = ours(a);
        bytes32 uid = uidOf(a);
        bytes memory signature = signed(uid);
        Batch memory batch = timeless();
        vm.warp(within(time, NOW, type(uint40).max));
        expectAnchored(uid, 1);
        vm.prank(sender);
        registry.anchor(batch, uid, 1, signature);
        keeps(uid, ANCHORED, block.timestamp, 1, false);
        bool expired = a.expiresAt != 0 && a.expiresAt <= block.timestamp;
        proves(a, Proof(0, new bytes32[](0)), !expired);

        vm.recordLogs();
        vm.prank(sender);
        registry.anchor(batch, uid, 1, signature);
        silent();
    }

    function test_TheSignatureOfOneStatementCountsWithoutADeadlineAlone() external {
        bytes32 uid = uidOf(sample());
        refuses(batchOf(issuer), uid, 1, signed(uid));
    }

    function testFuzz_RefusesTheSignatureOfOneStatementForAnotherCount(uint40 count) external {
        vm.assume(count > 1);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, 0);
        bytes32 uid = uidOf(sample());
        refuses(timeless(), uid, count, signed(uid), error_);
        refuses(timeless(), uid, count, signedAnchor(timeless(), uid, count), error_);
    }

    function testFuzz_RefusesTheSignatureOfOneStatementWithinAStream(
        bytes32 stream,
        uint64 position
    ) external {
        vm.assume(stream != 0);
        Batch memory batch = timeless();
        (batch.stream, batch.position) = (stream, position);
        bytes32 uid = uidOf(sample());
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, 0);
        refuses(batch, uid, 1, signed(uid), error_);
        refuses(batch, uid, 1, signedAnchor(batch, uid, 1), error_);
        equal(registry.headOf(issuer, stream).count, 0);
    }

    function test_RefusesTheSignatureOfAnotherStatementOrKey() external {
        bytes32 uid = uidOf(sample());
        bytes32 other = uidOf(many(1)[0]);
        refuses(timeless(), uid, 1, signed(other));
        refuses(timeless(), uid, 1, signedBy(ISSUER_KEY + 1, uid));
        refuses(timeless(), uid, 1, "");
        Batch memory foreign = timeless();
        foreign.attester = address(0xE15E);
        refuses(foreign, uid, 1, signed(uid));
    }

    /// The uid says nothing of the schema until it is opened. Under another one it is anchored, and proves nothing.
    function test_TheSignatureOfOneStatementUnderAnotherSchemaProvesNothing() external {
        bytes32 uid = uidOf(sample());
        bytes memory signature = signed(uid);
        Batch memory batch = timeless();
        batch.schema = schemas.register("bool other", address(0), true);
        send(batch, uid, 1, signature);
        proves(one(sample()), false);
        Attestation memory a = sample();
        a.schema = batch.schema;
        proves(a, Proof(0, new bytes32[](0)), false);
    }

    function test_RefusesASignatureOverTheBatchWithoutADeadline() external {
        bytes32 uid = uidOf(sample());
        refuses(timeless(), uid, 1, signedAnchor(timeless(), uid, 1));
    }

    function timeless() private view returns (Batch memory batch) {
        batch = batchOf(issuer);
        batch.deadline = 0;
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
