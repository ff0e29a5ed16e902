// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Proof} from "../../../contracts/types/Tree.sol";

/// The tree of seals and anchors as it is defined, every node from its two children. Plain on purpose: it is the second
/// opinion.
library Trees {
    function rootOf(bytes32[] memory leaves) internal pure returns (bytes32) {
        return node(leaves, heightOf(leaves.length), 0);
    }

    function proofOf(bytes32[] memory leaves, uint256 index) internal pure returns (Proof memory proof) {
        uint256 height = heightOf(leaves.length);
        proof = Proof(index, new bytes32[](height));
        for (uint256 h = 0; h < height; ++h) {
            uint256 place = index / 2 ** h;
            proof.path[h] = node(leaves, h, place % 2 == 0 ? place + 1 : place - 1);
        }
    }

    /// Where a path leads to from a leaf.
    function climb(bytes32 leaf, uint256 index, bytes32[] memory path) internal pure returns (bytes32 top) {
        top = leaf;
        for (uint256 h = 0; h < path.length; ++h) {
            top = index % 2 == 0 ? parent(top, path[h]) : parent(path[h], top);
            index /= 2;
        }
    }

    /// How often a row must double to hold so many.
    function heightOf(uint256 count) internal pure returns (uint256 height) {
        while (height < 256 && 2 ** height < count) ++height;
    }

    /// The node at a place of the row that lies so high above the leaves.
    function node(bytes32[] memory leaves, uint256 height, uint256 place) internal pure returns (bytes32) {
        if (height == 0) return place < leaves.length ? leaves[place] : bytes32(0);
        return parent(node(leaves, height - 1, 2 * place), node(leaves, height - 1, 2 * place + 1));
    }

    function parent(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(left, right));
    }
}
