// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// The one slot of a root that an attester sealed or anchored. From the lowest bit:
/// committedAt 40 | count 40 | level 8 | judged 1 | revocable 1 | thinned 1 | 5 bits kept free | since 40 | 120 bits free.
/// committedAt: when it came to its level; since: when it was first kept. judged: nothing bypassed the schema's resolver.
/// thinned: at least one leaf is revoked. Empty (zero): not known.
type Root is uint256;

using RootLib for Root global;

library RootLib {
    uint256 private constant COUNT = 40;
    uint256 private constant LEVEL = 80;
    uint256 private constant SINCE = 96;
    uint256 private constant JUDGED = 1 << 88;
    uint256 private constant REVOCABLE = 1 << 89;
    uint256 private constant THINNED = 1 << 90;

    function pack(
        uint256 since_,
        uint256 committedAt_,
        uint40 count_,
        uint8 level_,
        bool judged,
        bool revocable
    ) internal pure returns (Root) {
        uint256 word = uint40(committedAt_) | (uint256(count_) << COUNT) | (uint256(level_) << LEVEL);
        word |= uint256(uint40(since_)) << SINCE;
        if (judged) word |= JUDGED;
        if (revocable) word |= REVOCABLE;
        return Root.wrap(word);
    }

    function thin(Root root) internal pure returns (Root) {
        return Root.wrap(Root.unwrap(root) | THINNED);
    }

    function isEmpty(Root root) internal pure returns (bool) {
        return Root.unwrap(root) == 0;
    }

    function committedAt(Root root) internal pure returns (uint40) {
        return uint40(Root.unwrap(root));
    }

    function since(Root root) internal pure returns (uint40) {
        return uint40(Root.unwrap(root) >> SINCE);
    }

    function count(Root root) internal pure returns (uint40) {
        return uint40(Root.unwrap(root) >> COUNT);
    }

    /// RECORD, which is zero, if the root is not known.
    function level(Root root) internal pure returns (uint8) {
        return uint8(Root.unwrap(root) >> LEVEL);
    }

    function isJudged(Root root) internal pure returns (bool) {
        return Root.unwrap(root) & JUDGED != 0;
    }

    function isRevocable(Root root) internal pure returns (bool) {
        return Root.unwrap(root) & REVOCABLE != 0;
    }

    function isThinned(Root root) internal pure returns (bool) {
        return Root.unwrap(root) & THINNED != 0;
    }
}
