// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Proof} from "../../contracts/types/Tree.sol";
import {Digests} from "./support/Digests.sol";
import {Spec} from "./support/Spec.sol";
import {Trees} from "./support/Trees.sol";
import {vm} from "./support/Vm.sol";

/// Revoking leaves by their places.
contract LeavesSpec is Spec {
    uint256 private constant MANY = 600;

    function test_RefusesAnEmptyList() external {
        bytes32 root = seal(many(3));
        uint256[] memory none = new uint256[](0);
        refuses(root, none, abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector));
    }

    function testFuzz_RefusesAnUnknownRoot(bytes32 root, uint256 index) external {
        refuses(root, only(index), unknown(root));
    }

    function test_RefusesARootOfAnotherAttesterOrSchema() external {
        bytes32 root = seal(many(3));
        address other = address(0xE15E);
        vm.expectRevert(unknown(root));
        vm.prank(other);
        registry.revokeLeaves(other, schema, root, only(0), "", 0, "");
        vm.expectRevert(unknown(root));
        vm.prank(issuer);
        registry.revokeLeaves(issuer, firmSchema, root, only(0), "", 0, "");
        proves(many(3), true);
    }

    function test_RefusesLeavesOfAnIrrevocableSchema() external {
        Batch memory batch = batchOf(issuer);
        batch.schema = firmSchema;
        vm.prank(issuer);
        registry.anchor(batch, "root", 3, "");
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.SchemaIrrevocable.selector, firmSchema));
        vm.prank(issuer);
        registry.revokeLeaves(issuer, firmSchema, "root", only(0), "", 0, "");
        equal(registry.isLeafRevoked(issuer, firmSchema, "root", 0), false);
    }

    function test_RefusesAnIndexBeyondTheCount() external {
        testFuzz_RefusesAnIndexBeyondTheCount(3, 3);
        testFuzz_RefusesAnIndexBeyondTheCount(256, 256);
        testFuzz_RefusesAnIndexBeyondTheCount(type(uint40).max, type(uint40).max);
        testFuzz_RefusesAnIndexBeyondTheCount(1, type(uint256).max);
    }

    function testFuzz_RefusesAnIndexBeyondTheCount(uint40 count, uint256 index) public {
        count = uint40(within(count, 1, type(uint40).max));
        index = within(index, count, type(uint256).max);
        bytes32 root = keccak256(abi.encode(count));
        anchor(root, count);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.NoSuchLeaf.selector, index, count);
        refuses(root, only(index), error_);
        // The leaf before it is there.
        revokeLeaves(root, only(count - 1));
        equal(registry.isLeafRevoked(issuer, schema, root, count - 1), true);
        equal(registry.isLeafRevoked(issuer, schema, root, index), false);
    }

    function test_RefusesAllWhenOneIndexIsBad() external {
        bytes32 root = seal(many(3));
        uint256[] memory indices = list(0, 1, 3);
        refuses(root, indices, abi.encodeWithSelector(IAttestationRegistry.NoSuchLeaf.selector, 3, 3));
        keeps(root, SEALED, NOW, 3, false);
        proves(many(3), true);
    }

    function testFuzz_RefusesAnybodyButTheAttester(address sender) external {
        vm.assume(sender != issuer);
        bytes32 root = seal(many(3));
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, issuer, sender));
        vm.prank(sender);
        registry.revokeLeaves(issuer, schema, root, only(0), "", DEADLINE, "");
        proves(many(3), true);
    }

    function test_RefusesTheSignatureOfAnotherKey() external {
        bytes32 root = seal(many(3));
        bytes32 digest = Digests.leafRevocation(
            address(registry),
            issuer,
            schema,
            root,
            only(0),
            "",
            DEADLINE
        );
        refuses(root, only(0), DEADLINE, signedBy(ISSUER_KEY + 1, digest), invalid(issuer));
    }

    function test_RefusesOtherKindsOfSignatures() external {
        bytes32 root = seal(many(3));
        bytes32[] memory asUids = new bytes32[](1);
        bytes memory signature = signedRevocation(asUids, "", DEADLINE);
        refuses(root, only(0), DEADLINE, signature, invalid(issuer));
        signature = signedRevocation(one(uidOf(many(3)[0])), "", DEADLINE);
        refuses(root, only(0), DEADLINE, signature, invalid(issuer));
        refuses(root, only(0), DEADLINE, signed(root), invalid(issuer));
        signature = signedAnchor(batchOf(issuer), root, 3);
        refuses(root, only(0), DEADLINE, signature, invalid(issuer));
    }

    function test_ASignatureForALeafRevokesNoUid() external {
        attest(sample());
        bytes32 uid = seal(one(sample()));
        bytes memory signature = signedLeafRevocation(uid, only(0), "", DEADLINE);
        vm.expectRevert(invalid(issuer));
        vm.prank(relayer);
        registry.revokeSigned(issuer, one(uid), "", DEADLINE, signature);
        holds(sample(), NOW, false);
    }

    function testFuzz_ARelayerCannotChangeASignedRevocation(uint256 field, uint256 by) external {
        bytes32 root = seal(many(3));
        bytes memory signature = signedLeafRevocation(root, list(0, 2), "why", DEADLINE);
        (address attester, bytes32 schema_, uint40 deadline) = (issuer, schema, DEADLINE);
        (uint256[] memory indices, string memory reason) = (list(0, 2), "why");
        field %= 9;
        if (field == 0) attester = address(uint160(within(by, 0x10000, type(uint160).max)));
        else if (field == 1) schema_ ^= bytes32(by | 1);
        else if (field == 2) root ^= bytes32(by | 1);
        else if (field == 3) indices[by % 2] ^= 1 << (by % 256);
        else if (field == 4) indices = only(0);
        else if (field == 5) indices = list(0, 2, by);
        else if (field == 6) indices = list(2, 0);
        else if (field == 7) reason = by % 2 == 0 ? "" : "why not";
        else deadline += uint40(within(by, 1, 1e9));
        vm.assume(attester != issuer || field != 0);
        vm.expectRevert(invalid(attester));
        vm.prank(relayer);
        registry.revokeLeaves(attester, schema_, root, indices, reason, deadline, signature);
        proves(many(3), true);
    }

    function testFuzz_RefusesSignaturesForAnotherChain(uint256 chain) external {
        chain = within(chain, 1, type(uint64).max);
        vm.assume(chain != block.chainid);
        bytes32 root = seal(many(3));
        bytes memory signature = signedLeafRevocation(root, only(0), "", DEADLINE);
        vm.chainId(chain);
        refuses(root, only(0), DEADLINE, signature, invalid(issuer));
    }

    function test_TheDeadlineIsTheLastSecond() external {
        testFuzz_TheDeadlineIsTheLastSecond(DEADLINE, DEADLINE);
        testFuzz_TheDeadlineIsTheLastSecond(DEADLINE - 1, DEADLINE);
    }

    function testFuzz_TheDeadlineIsTheLastSecond(uint40 deadline, uint40 time) public {
        Attestation[] memory items = many(3);
        for (uint256 i = 0; i < 3; ++i) {
            (items[i].salt, items[i].expiresAt) = (keccak256(abi.encode(deadline, i)), 0);
        }
        bytes32 root = seal(items);
        vm.warp(within(time, 1, type(uint40).max));
        bytes memory signature = signedLeafRevocation(root, only(0), "", deadline);
        bool late = block.timestamp > deadline;
        if (late) {
            vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, deadline));
        }
        vm.prank(relayer);
        registry.revokeLeaves(issuer, schema, root, only(0), "", deadline, signature);
        proves(items[0], Trees.proofOf(uidsOf(items), 0), late);
    }

    function test_RevokesLeavesOfSeveralWords() external {
        bytes32 root = Trees.rootOf(uidsOf(many(MANY)));
        anchor(root, MANY);
        uint256[] memory indices = list(0, 255, 256, MANY - 1);
        expectLeavesRevoked(root, indices, "left the company");
        vm.recordLogs();
        vm.prank(issuer);
        registry.revokeLeaves(issuer, schema, root, indices, "left the company", 0, hex"00");
        equal(vm.getRecordedLogs().length, 1);
        keeps(root, ANCHORED, NOW, MANY, true);
        for (uint256 i = 0; i < MANY; ++i) {
            bool gone = i == 0 || i == 255 || i == 256 || i == MANY - 1;
            equal(registry.isLeafRevoked(issuer, schema, root, i), gone);
        }
        provesAllBut(root, many(MANY), indices);
    }

    function test_RevokesWhatTheIssuerSigned() external {
        testFuzz_RevokesWhatTheIssuerSigned("fraud", relayer, [uint16(0), 255, 256, 599], 600);
    }

    function testFuzz_RevokesWhatTheIssuerSigned(
        string memory reason,
        address sender,
        uint16[4] memory places,
        uint16 count
    ) public {
        count = uint16(within(count, 1, 1000));
        uint256[] memory indices = new uint256[](4);
        for (uint256 i = 0; i < 4; ++i) indices[i] = places[i] % count;
        bytes32 root = keccak256(abi.encode(count));
        anchor(root, count);
        bytes memory signature = signedLeafRevocation(root, indices, reason, DEADLINE);
        expectLeavesRevoked(root, indices, reason);
        vm.prank(sender);
        registry.revokeLeaves(issuer, schema, root, indices, reason, DEADLINE, signature);
        keeps(root, ANCHORED, NOW, count, true);
        for (uint256 i = 0; i < 4; ++i) {
            equal(registry.isLeafRevoked(issuer, schema, root, indices[i]), true);
        }

        // A replay, by anybody.
        vm.recordLogs();
        registry.revokeLeaves(issuer, schema, root, indices, reason, DEADLINE, signature);
        silent();
    }

    /// One after the other, next to a plain list of what is revoked.
    function testFuzz_RevokesNothingButWhatIsListed(uint16[12] calldata places, uint16 count) external {
        count = uint16(within(count, 1, 800));
        bytes32 root = "root";
        anchor(root, count);
        bool[] memory gone = new bool[](count);
        for (uint256 i = 0; i < 12; i += 3) {
            uint256[] memory indices = list(places[i], places[i + 1], places[i + 2]);
            bool news;
            for (uint256 j = 0; j < 3; ++j) {
                indices[j] %= count;
                if (!gone[indices[j]]) gone[indices[j]] = news = true;
            }
            vm.recordLogs();
            revokeLeaves(root, indices);
            equal(vm.getRecordedLogs().length, news ? 1 : 0);
        }
        for (uint256 i = 0; i < count; ++i) {
            equal(registry.isLeafRevoked(issuer, schema, root, i), gone[i]);
        }
    }

    function test_ARepeatedIndexIsRevokedOnce() external {
        bytes32 root = seal(many(3));
        uint256[] memory indices = list(1, 1, 1);
        expectLeavesRevoked(root, indices, "");
        vm.recordLogs();
        revokeLeaves(root, indices);
        equal(vm.getRecordedLogs().length, 1);
        provesAllBut(root, many(3), only(1));
    }

    function test_RevokingAgainIsSilent() external {
        bytes32 root = seal(many(5));
        revokeLeaves(root, list(1, 3));
        vm.recordLogs();
        revokeLeaves(root, list(1, 3));
        revokeLeaves(root, only(3));
        revokeLeaves(root, list(3, 1, 3));
        silent();
        provesAllBut(root, many(5), list(1, 3));
    }

    function test_AnnouncesTheWholeListWhenSomeOfItIsNew() external {
        bytes32 root = seal(many(5));
        revokeLeaves(root, only(1));
        uint256[] memory indices = list(1, 4);
        expectLeavesRevoked(root, indices, "");
        revokeLeaves(root, indices);
        provesAllBut(root, many(5), indices);
    }

    function test_TheSamePlaceOfAnotherRootIsNotRevoked() external {
        bytes32 root = seal(many(3));
        bytes32 other = seal(many(5));
        revokeLeaves(root, only(0));
        provesAllBut(root, many(3), only(0));
        proves(many(5), true);
        keeps(other, SEALED, NOW, 5, false);
        equal(registry.isLeafRevoked(issuer, schema, other, 0), false);
        equal(registry.isLeafRevoked(issuer, firmSchema, root, 0), false);
        equal(registry.isLeafRevoked(relayer, schema, root, 0), false);
    }

    /// A tree of one leaf, which its own signature made; sealing it brings nothing back.
    function test_TheLeafOfAStatementsOwnSignatureIsRevokedForEver() external {
        for (uint256 i = 0; i < 3; ++i) {
            Attestation memory a = many(3)[i];
            bytes32 uid = i == 0 ? sealSigned(a) : anchorSigned(a);
            provesAlone(a, true);
            refuses(uid, only(1), abi.encodeWithSelector(IAttestationRegistry.NoSuchLeaf.selector, 1, 1));
            bytes memory signature = signedLeafRevocation(uid, only(0), "why", DEADLINE);
            expectLeavesRevoked(uid, only(0), "why");
            vm.prank(relayer);
            registry.revokeLeaves(issuer, schema, uid, only(0), "why", DEADLINE, signature);
            keeps(uid, i == 0 ? SEALED : ANCHORED, NOW, 1, true);
            provesAlone(a, false);
            if (i == 2) seal(one(a));
            else sealSigned(a);
            anchorSigned(a);
            keeps(uid, SEALED, NOW, 1, true);
            equal(registry.isLeafRevoked(issuer, schema, uid, 0), true);
            provesAlone(a, false);
        }
    }

    function test_AnIrrevocableLeafStaysValidWhenItsPlaceIsRevoked() external {
        Attestation[] memory items = many(3);
        items[1].revocable = false;
        bytes32 root = seal(items);
        revokeLeaves(root, list(0, 1));
        equal(registry.isLeafRevoked(issuer, schema, root, 1), true);
        for (uint256 i = 0; i < 3; ++i) proves(items[i], Trees.proofOf(uidsOf(items), i), i != 0);
    }

    function test_ARevokedPlaceEndsNeitherTheRecordNorAnotherPlace() external {
        Attestation[] memory items = many(3);
        items[2] = items[0];
        attest(items[0]);
        bytes32 root = seal(items);
        revokeLeaves(root, only(0));
        holds(items[0], NOW, false);
        provesAllBut(root, items, only(0));
        bytes32 uid = seal(one(items[0]));
        proves(items[0], Trees.proofOf(one(uid), 0), true);
    }

    /// Sealed twice and anchored, never recorded.
    function test_ARevokedUidThatWasNeverRecordedIsValidNowhere() external {
        Attestation[] memory items = many(3);
        seal(items);
        seal(many(2));
        anchor(Trees.rootOf(uidsOf(many(5))), 5);
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(items[1])), "", 0, "");
        for (uint256 count = 2; count <= 5; ++count) {
            if (count == 4) continue;
            bytes32[] memory uids = uidsOf(many(count));
            for (uint256 i = 0; i < count; ++i) proves(many(count)[i], Trees.proofOf(uids, i), i != 1);
            keeps(Trees.rootOf(uids), count == 5 ? ANCHORED : SEALED, NOW, count, false);
        }
        // Nor where it is sealed afterwards.
        bytes32 uid = seal(one(items[1]));
        proves(items[1], Trees.proofOf(one(uid), 0), false);
    }

    function test_ARevokedUidIsNotValidByItsPlace() external {
        Attestation[] memory items = many(3);
        bytes32 root = seal(items);
        attest(items[0]);
        revoke(uidOf(items[0]));
        holds(items[0], NOW, true);
        for (uint256 i = 0; i < 3; ++i) proves(items[i], Trees.proofOf(uidsOf(items), i), i != 0);
        keeps(root, SEALED, NOW, 3, false);
        equal(registry.isLeafRevoked(issuer, schema, root, 0), false);
    }

    function test_ALeafIsValidUntilTheSecondBeforeItExpires() external {
        Attestation[] memory items = many(3);
        items[0].expiresAt = 0;
        items[1].expiresAt = uint40(NOW + 10);
        items[2].expiresAt = uint40(NOW + 20);
        bytes32[] memory uids = uidsOf(items);
        seal(items);
        vm.warp(NOW + 9);
        proves(items, true);
        vm.warp(NOW + 10);
        for (uint256 i = 0; i < 3; ++i) proves(items[i], Trees.proofOf(uids, i), i != 1);
        vm.warp(NOW + 20);
        for (uint256 i = 0; i < 3; ++i) proves(items[i], Trees.proofOf(uids, i), i == 0);
        vm.warp(type(uint40).max);
        proves(items[0], Trees.proofOf(uids, 0), true);
    }

    function test_ALeafIsNotValidOnAnotherChain() external {
        seal(many(3));
        Attestation[] memory items = many(3);
        Proof memory proof = Trees.proofOf(uidsOf(items), 1);
        proves(items[1], proof, true);
        vm.chainId(10);
        equal(registry.isValid(items[1], proof), false);
    }

    function test_ALeafWithAnyFieldChangedIsNotValid() external {
        for (uint256 field = 0; field < 8; ++field) testFuzz_ALeafWithAnyFieldChangedIsNotValid(field, 1);
    }

    function testFuzz_ALeafWithAnyFieldChangedIsNotValid(uint256 field, uint256 by) public {
        seal(many(3));
        Attestation memory a = many(3)[1];
        Proof memory proof = Trees.proofOf(uidsOf(many(3)), 1);
        field %= 8;
        if (field == 0) a.schema ^= bytes32(by | 1);
        else if (field == 1) a.attester = address(uint160(a.attester) ^ uint160(by | 1));
        else if (field == 2) a.recipient = address(uint160(a.recipient) ^ uint160(by | 1));
        else if (field == 3) a.ref ^= bytes32(by | 1);
        else if (field == 4) a.expiresAt ^= uint40(by | 1);
        else if (field == 5) a.revocable = false;
        else if (field == 6) a.salt ^= bytes32(by | 1);
        else a.data[by % a.data.length] ^= bytes1(uint8(1 << (by % 8)));
        proves(a, proof, false);
    }

    /// Everything that validity depends on, at once, next to what the documentation says.
    function testFuzz_ALeafIsValidExactlyWhenNothingSpeaksAgainstIt(
        Attestation memory a,
        uint256 picks,
        uint256 count,
        uint256 place,
        uint40 time
    ) external {
        a = ours(a);
        Attestation[] memory items = many(within(count, 1, 6));
        place %= items.length;
        if (picks & 1 != 0) a.expiresAt = uint40(within(a.expiresAt, NOW, NOW + 100));
        items[place] = a;
        bytes32[] memory uids = uidsOf(items);
        bytes32 root = Trees.rootOf(uids);

        if (picks & 2 != 0) attest(a);
        if (picks & 4 != 0) anchors(items, picks & 1024 != 0);
        if (picks & 8 != 0) seals(items, picks & 2048 != 0);
        bool known = picks & 12 != 0;
        bool leafGone = known && picks & 48 == 48;
        if (leafGone) revokeLeaves(root, only(place));
        if (known && picks & 64 != 0) revokeLeaves(root, only((place + 1) % items.length));
        leafGone = leafGone || (known && picks & 64 != 0 && items.length == 1);
        bool uidGone = a.revocable && picks & 384 == 384;
        if (uidGone) {
            vm.prank(issuer);
            registry.revokeUnrecorded(one(bodiless(a)), "", 0, "");
        }
        if (known && picks & 512 != 0) seals(items, picks & 4096 != 0);

        vm.warp(NOW + (time % 200));
        bool expired = a.expiresAt != 0 && a.expiresAt <= block.timestamp;
        bool gone = a.revocable && (leafGone || uidGone);
        proves(a, Trees.proofOf(uids, place), known && !expired && !gone);
        equal(registry.isValid(a), picks & 2 != 0 && !expired && !uidGone);
    }

    /// One alone also by its own signature.
    function anchors(Attestation[] memory items, bool signed_) private {
        if (items.length == 1 && signed_) anchorSigned(items[0]);
        else anchor(Trees.rootOf(uidsOf(items)), items.length);
    }

    function seals(Attestation[] memory items, bool signed_) private {
        if (items.length == 1 && signed_) sealSigned(items[0]);
        else seal(items);
    }

    /// Of a tree of several words, the leaves around their ends.
    function provesAllBut(bytes32 root, Attestation[] memory items, uint256[] memory gone) private view {
        bytes32[] memory uids = uidsOf(items);
        equal(Trees.rootOf(uids), root);
        for (uint256 i = 0; i < items.length; ++i) {
            if ((i + 2) % 256 > 3 && i > 3 && i + 2 < items.length) continue;
            bool revoked;
            for (uint256 j = 0; j < gone.length; ++j) revoked = revoked || gone[j] == i;
            equal(registry.isLeafRevoked(issuer, schema, root, i), revoked);
            proves(items[i], Trees.proofOf(uids, i), !revoked);
        }
    }

    function refuses(bytes32 root, uint256[] memory indices, bytes memory error_) private {
        bytes memory signature = signedLeafRevocation(root, indices, "", DEADLINE);
        vm.expectRevert(error_);
        vm.prank(issuer);
        registry.revokeLeaves(issuer, schema, root, indices, "", 0, "");
        refuses(root, indices, DEADLINE, signature, error_);
    }

    function refuses(
        bytes32 root,
        uint256[] memory indices,
        uint40 deadline,
        bytes memory signature,
        bytes memory error_
    ) private {
        vm.expectRevert(error_);
        vm.prank(relayer);
        registry.revokeLeaves(issuer, schema, root, indices, "", deadline, signature);
    }

    function expectLeavesRevoked(bytes32 root, uint256[] memory indices, string memory reason) private {
        vm.expectEmit(address(registry));
        emit IAttestationRegistry.LeavesRevoked(issuer, schema, root, indices, bytes(reason));
    }

    function unknown(bytes32 root) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAttestationRegistry.UnknownRoot.selector, root);
    }

    function invalid(address attester) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, attester);
    }

    function list(uint256 a, uint256 b) private pure returns (uint256[] memory indices) {
        indices = new uint256[](2);
        (indices[0], indices[1]) = (a, b);
    }

    function list(uint256 a, uint256 b, uint256 c) private pure returns (uint256[] memory indices) {
        indices = new uint256[](3);
        (indices[0], indices[1], indices[2]) = (a, b, c);
    }

    function list(
        uint256 a,
        uint256 b,
        uint256 c,
        uint256 d
    ) private pure returns (uint256[] memory indices) {
        indices = new uint256[](4);
        (indices[0], indices[1], indices[2], indices[3]) = (a, b, c, d);
    }
}
