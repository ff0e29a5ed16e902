// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Where an attestation stands in a tree, and the way from there to the root.
/// @param index of the leaf, from zero
/// @param path the sibling at every height, from the leaf up
struct Proof {
    uint256 index;
    bytes32[] path;
}

/// The Merkle tree of seals and anchors: the uids in order, then zeros up to the next power of two; a node is the
/// keccak256 of its two children. The root of a single uid is that uid.
///
/// A uid is the hash of 66 bytes and a node that of 64, so that neither can pose as the other.
library Tree {
    /// @notice The root of uids.
    /// @param leaves at least one; left as they are
    function rootOf(bytes32[] memory leaves) internal pure returns (bytes32 root) {
        // Every row is written behind what is allocated, the later ones over the first. A row ends in the root of as
        // many zeros as its last node lacks.
        assembly ("memory-safe") {
            let row := add(leaves, 0x20)
            let nodes := mload(0x40)
            let zeros := 0
            for {
                let count := mload(leaves)
            } gt(count, 1) {} {
                let pairs := shr(1, count)
                for {
                    let i := 0
                } lt(i, pairs) {
                    i := add(i, 1)
                } {
                    mstore(add(nodes, shl(5, i)), keccak256(add(row, shl(6, i)), 0x40))
                }
                if and(count, 1) {
                    mstore(0x00, mload(add(row, shl(6, pairs))))
                    mstore(0x20, zeros)
                    mstore(add(nodes, shl(5, pairs)), keccak256(0x00, 0x40))
                }
                mstore(0x00, zeros)
                mstore(0x20, zeros)
                zeros := keccak256(0x00, 0x40)
                count := shr(1, add(count, 1))
                row := nodes
            }
            root := mload(row)
        }
    }

    /// The root that a path leads to from a leaf. Of an index that `has` a place in a tree of the path's height; bits
    /// beyond 2^250 are lost.
    function rootFrom(
        bytes32 leaf,
        uint256 index,
        bytes32[] calldata path
    ) internal pure returns (bytes32 root) {
        // By hand: hashing its way up is most of what a check costs besides three cold accesses. The node lies at 0x00 or
        // 0x20, as the bit 0x20 of `sides` says, and the sibling in the other place.
        assembly ("memory-safe") {
            let sides := shl(5, index)
            let sibling := path.offset
            let end := add(sibling, shl(5, path.length))
            mstore(and(sides, 0x20), leaf)
            for {} lt(sibling, end) {
                sibling := add(sibling, 0x20)
            } {
                mstore(xor(and(sides, 0x20), 0x20), calldataload(sibling))
                sides := shr(1, sides)
                mstore(and(sides, 0x20), keccak256(0x00, 0x40))
            }
            root := mload(and(sides, 0x20))
        }
    }

    /// Whether a tree of `count` leaves has this leaf at this height. So one index is one leaf, also in a tree that was
    /// built by somebody who wishes it were not.
    function has(uint256 count, uint256 index, uint256 height) internal pure returns (bool) {
        return
            index < count && (count - 1) >> height == 0 && (height == 0 || (count - 1) >> (height - 1) != 0);
    }
}
