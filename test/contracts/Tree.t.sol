// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Proof, Tree} from "../../contracts/types/Tree.sol";
import {Check} from "./support/Check.sol";
import {Spec} from "./support/Spec.sol";
import {Trees} from "./support/Trees.sol";
import {vm} from "./support/Vm.sol";

contract TreeSpec is Check {
    function rootFrom(bytes32 leaf, uint256 index, bytes32[] calldata path) external pure returns (bytes32) {
        return Tree.rootFrom(leaf, index, path);
    }

    function test_TheRootOfASingleLeafIsThatLeaf() external pure {
        equal(Tree.rootOf(leavesOf(1)), leavesOf(1)[0]);
    }

    function test_ANodeIsTheHashOfItsTwoChildrenAndZerosFillUpToAPowerOfTwo() external pure {
        bytes32[] memory leaves = leavesOf(3);
        bytes32 left = keccak256(abi.encodePacked(leaves[0], leaves[1]));
        bytes32 right = keccak256(abi.encodePacked(leaves[2], bytes32(0)));
        equal(Tree.rootOf(leaves), keccak256(abi.encodePacked(left, right)));
    }

    function test_TheRootIsThatOfTheTreeOfEverySizeUpTo70() external pure {
        for (uint256 count = 1; count <= 70; ++count) hasTheRoot(leavesOf(count));
    }

    function test_TheRootIsThatOfTheTreeAroundEveryPowerOfTwoUpTo512() external pure {
        for (uint256 power = 128; power <= 512; power *= 2) {
            hasTheRoot(leavesOf(power - 1));
            hasTheRoot(leavesOf(power));
            hasTheRoot(leavesOf(power + 1));
        }
    }

    function testFuzz_TheRootIsThatOfTheTree(uint256 count, bytes32 seed) external pure {
        bytes32[] memory leaves = new bytes32[](within(count, 1, 130));
        for (uint256 i = 0; i < leaves.length; ++i) leaves[i] = keccak256(abi.encode(seed, i));
        hasTheRoot(leaves);
    }

    function testFuzz_TheRootIsThatOfTheTreeOfWhateverLeaves(bytes32[] memory leaves) external pure {
        vm.assume(leaves.length != 0);
        hasTheRoot(leaves);
    }

    /// Leaves of zero are not told from padding: it is the count that is kept with a root which tells.
    function test_LeavesOfZeroAndPaddingHaveTheSameRoot() external pure {
        bytes32[] memory padded = new bytes32[](8);
        bytes32[] memory leaves = leavesOf(5);
        for (uint256 i = 0; i < 5; ++i) padded[i] = leaves[i];
        equal(Tree.rootOf(padded), Tree.rootOf(leaves));
    }

    function testFuzz_AnotherLeafAnywhereIsAnotherRoot(
        uint256 count,
        uint256 place,
        bytes32 by
    ) external pure {
        vm.assume(by != 0);
        bytes32[] memory leaves = leavesOf(within(count, 1, 40));
        bytes32 root = Tree.rootOf(leaves);
        leaves[place % leaves.length] ^= by;
        yes(Tree.rootOf(leaves) != root, "another root");
    }

    function test_ThePathOfEveryLeafOfEverySizeUpTo40LeadsToTheRoot() external view {
        for (uint256 count = 1; count <= 40; ++count) {
            bytes32[] memory leaves = leavesOf(count);
            bytes32 root = Trees.rootOf(leaves);
            for (uint256 i = 0; i < count; ++i) {
                Proof memory proof = Trees.proofOf(leaves, i);
                equal(this.rootFrom(leaves[i], i, proof.path), root);
            }
        }
    }

    function testFuzz_APathLeadsWhereItsIndexSays(
        bytes32 leaf,
        uint256 index,
        uint256 height,
        bytes32 seed
    ) external view {
        bytes32[] memory path = new bytes32[](height % 80);
        for (uint256 h = 0; h < path.length; ++h) path[h] = keccak256(abi.encode(seed, h));
        equal(this.rootFrom(leaf, index, path), Trees.climb(leaf, index, path));
    }

    /// An index that a count bounds, a path of any length.
    function testFuzz_APathOfAnyLengthLeadsWhereItsIndexSays(
        bytes32 leaf,
        uint40 index,
        bytes32[] memory path
    ) external view {
        equal(this.rootFrom(leaf, index, path), Trees.climb(leaf, index, path));
    }

    /// The reason why `has` bounds the index: what lies beyond the path's length changes nothing on the way.
    function testFuzz_IndicesThatDifferBeyondThePathLeadToTheSameRoot(
        uint256 index,
        uint256 beyond
    ) external view {
        bytes32[] memory leaves = leavesOf(16);
        index %= 16;
        beyond = within(beyond, 1, type(uint256).max >> 4) << 4;
        Proof memory proof = Trees.proofOf(leaves, index);
        equal(this.rootFrom(leaves[index], beyond | index, proof.path), Tree.rootOf(leaves));
        equal(Tree.has(16, beyond | index, 4), false);
    }

    function test_ATreeHasEveryIndexBelowItsCountAtItsHeightAlone() external pure {
        for (uint256 count = 0; count <= 70; ++count) {
            for (uint256 index = 0; index <= count + 1; ++index) {
                for (uint256 height = 0; height <= 9; ++height) isHad(count, index, height);
            }
        }
    }

    function test_ATreeHasNoLeafBeyondItsCountHoweverLargeTheIndex() external pure {
        for (uint256 bit = 5; bit < 256; ++bit) {
            equal(Tree.has(32, 2 ** bit, 5), false);
            equal(Tree.has(32, 2 ** bit + 31, 5), false);
        }
        equal(Tree.has(32, type(uint256).max, 5), false);
        equal(Tree.has(32, 2 ** 255, 5), false);
        equal(Tree.has(type(uint40).max, 2 ** 40 - 2, 40), true);
        equal(Tree.has(type(uint40).max, 2 ** 40 - 1, 40), false);
    }

    function test_ATreeHasNoLeafAtAHeightBeyondAllReason() external pure {
        for (uint256 bit = 3; bit < 256; ++bit) {
            equal(Tree.has(1, 0, 2 ** bit), false);
            equal(Tree.has(8, 7, 2 ** bit), false);
            equal(Tree.has(8, 7, 2 ** bit + 3), false);
        }
        equal(Tree.has(1, 0, type(uint256).max), false);
        equal(Tree.has(8, 7, type(uint256).max), false);
        equal(Tree.has(type(uint256).max, 0, type(uint256).max), false);
        equal(Tree.has(type(uint256).max, 0, 256), true);
    }

    function test_ATreeWithoutLeavesHasNone() external pure {
        equal(Tree.has(0, 0, 0), false);
        equal(Tree.has(0, 0, 256), false);
        equal(Tree.has(0, type(uint256).max, type(uint256).max), false);
    }

    function testFuzz_ATreeHasEveryIndexBelowItsCountAtItsHeightAlone(
        uint256 count,
        uint8 size,
        uint256 index,
        uint256 height
    ) external pure {
        count >>= size;
        isHad(count, index, height);
        if (count == 0) return;
        // Random ones are hardly ever right.
        uint256 right = Trees.heightOf(count);
        isHad(count, index % count, right);
        isHad(count, index % count, right + 1);
        isHad(count, index % count, height);
        if (right != 0) isHad(count, index % count, right - 1);
        isHad(count, count - 1, right);
        isHad(count, count, right);
    }

    function isHad(uint256 count, uint256 index, uint256 height) private pure {
        equal(Tree.has(count, index, height), index < count && height == Trees.heightOf(count));
    }

    function hasTheRoot(bytes32[] memory leaves) private pure {
        bytes32 before = keccak256(abi.encode(leaves));
        equal(Tree.rootOf(leaves), Trees.rootOf(leaves));
        equal(keccak256(abi.encode(leaves)), before);
        // Nothing is left behind: what is allocated next starts out as zeros, and a second time is as the first.
        equal(keccak256(abi.encode(new bytes32[](leaves.length))), keccak256(zeros(leaves.length)));
        equal(Tree.rootOf(leaves), Trees.rootOf(leaves));
    }

    function zeros(uint256 length) private pure returns (bytes memory) {
        return abi.encodePacked(uint256(0x20), length, new bytes(32 * length));
    }

    function leavesOf(uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) leaves[i] = keccak256(abi.encode("leaf", i));
    }
}

/// A place in a tree as the registry and those who depend on it are shown one.
contract PlacesSpec is Spec {
    function test_ALeafIsValidAtItsOwnPlaceAlone() external {
        for (uint256 count = 1; count <= 6; ++count) {
            Attestation[] memory items = many(count);
            // A smaller tree of the same leaves would be found within the larger.
            for (uint256 i = 0; i < count; ++i) items[i].ref = bytes32(count);
            seal(items);
            for (uint256 i = 0; i < count; ++i) onlyItsOwnPlace(items, i);
        }
    }

    /// A tree of one leaf has no other place.
    function test_AStatementByItsOwnSignatureIsValidAtTheFirstPlaceAlone() external {
        Attestation[] memory items = many(2);
        anchorSigned(items[0]);
        sealSigned(items[1]);
        for (uint256 i = 0; i < 2; ++i) {
            onlyItsOwnPlace(one(items[i]), 0);
            for (uint256 bit = 0; bit < 256; ++bit) {
                proves(items[i], Proof(1 << bit, new bytes32[](0)), false);
            }
        }
    }

    /// The issuer had signed the root of a larger tree if it could be read as a uid; it is none.
    function test_ARootOfSeveralIsNotAnchoredByASignatureOverIt() external {
        Attestation[] memory items = many(2);
        bytes32 root = Trees.rootOf(uidsOf(items));
        bytes memory signature = signed(root);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer));
            registry.anchorSigned(bodiless(items[i]), signature);
            vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer));
            registry.sealSigned(items[i], signature);
        }
        nothingIsKnownOfRoot(root);
        proves(items, false);
    }

    /// A node within the tree would need a path that is too short for it: at every height it is tried for a leaf.
    function test_AnInnerNodeIsNoLeaf() external {
        Attestation[] memory items = many(7);
        bytes32[] memory uids = uidsOf(items);
        seal(items);
        for (uint256 height = 1; height <= 3; ++height) {
            for (uint256 place = 0; place < 2 ** (3 - height); ++place) {
                Proof memory whole = Trees.proofOf(uids, place << height);
                Proof memory rest = Proof(place, new bytes32[](3 - height));
                for (uint256 h = height; h < 3; ++h) rest.path[h - height] = whole.path[h];
                bytes32 node = Trees.node(uids, height, place);
                equal(Trees.climb(node, place, rest.path), Trees.rootOf(uids));
                for (uint256 i = 0; i < 7; ++i) proves(items[i], rest, false);
            }
        }
    }

    /// Of a root that is anchored with fewer leaves than it has, the nodes within are counted as leaves. No statement
    /// has the uid of one, and the leaves below are too deep.
    function test_AnInnerNodeIsNoLeafOfARootThatIsAnchoredAsALowerOne() external {
        Attestation[] memory items = many(4);
        anchor(Trees.rootOf(uidsOf(items)), 2);
        proves(items, false);
        for (uint256 i = 0; i < 4; ++i) onlyItsOwnPlace(items, i, false);
    }

    function test_APathOneTooLongOrTooShortIsNotValid() external {
        Attestation[] memory items = many(5);
        bytes32[] memory uids = uidsOf(items);
        bytes32 root = seal(items);
        Proof memory proof = Trees.proofOf(uids, 3);
        proves(items[3], proof, true);
        proves(items[3], Proof(3, resized(proof.path, 2)), false);
        proves(items[3], Proof(3, resized(proof.path, 4)), false);

        // Also where the attester anchors what such a path leads to, under the count of the tree below.
        anchor(Trees.parent(root, 0), 5);
        proves(items[3], Proof(3, resized(proof.path, 4)), false);
        anchor(Trees.node(uids, 2, 0), 5);
        proves(items[3], Proof(3, resized(proof.path, 2)), false);
    }

    function testFuzz_ALeafIsNotValidAtAnotherPlace(uint256 index, uint256 other) external {
        Attestation[] memory items = many(5);
        seal(items);
        index %= 5;
        vm.assume(other != index);
        Proof memory proof = Trees.proofOf(uidsOf(items), index);
        proof.index = other;
        proves(items[index], proof, false);
        proof.index = index + (within(other, 1, type(uint256).max >> 3) << 3);
        proves(items[index], proof, false);
        proof.index = index | (1 << 255);
        proves(items[index], proof, false);
    }

    function testFuzz_ALeafIsNotValidByAnotherPath(uint256 index, uint256 height, bytes32 by) external {
        vm.assume(by != 0);
        Attestation[] memory items = many(5);
        seal(items);
        index %= 5;
        Proof memory proof = Trees.proofOf(uidsOf(items), index);
        proves(items[index], proof, true);
        proof.path[height % 3] ^= by;
        proves(items[index], proof, false);
    }

    function onlyItsOwnPlace(Attestation[] memory items, uint256 own) private view {
        onlyItsOwnPlace(items, own, true);
    }

    /// Every index of a row twice as long, with every part of the path and one sibling more.
    function onlyItsOwnPlace(Attestation[] memory items, uint256 own, bool want) private view {
        bytes32[] memory path = Trees.proofOf(uidsOf(items), own).path;
        for (uint256 length = 0; length <= path.length + 1; ++length) {
            for (uint256 index = 0; index < 2 ** (path.length + 1); ++index) {
                bool here = index == own && length == path.length;
                proves(items[own], Proof(index, resized(path, length)), want && here);
            }
        }
    }

    function resized(bytes32[] memory path, uint256 length) private pure returns (bytes32[] memory other) {
        other = new bytes32[](length);
        for (uint256 h = 0; h < length && h < path.length; ++h) other[h] = path[h];
    }
}
