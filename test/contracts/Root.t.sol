// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Root, RootLib} from "../../contracts/types/Root.sol";
import {Check} from "./support/Check.sol";

contract RootSpec is Check {
    uint40 private constant LAST = type(uint40).max;

    function test_AnEmptySlotIsEmptyAndNeitherJudgedNorRevocableNorThinned() external pure {
        Root empty = Root.wrap(0);
        yes(empty.isEmpty(), "empty");
        reads(empty, 0, 0, 0);
        flags(empty, false, false, false);
    }

    function test_PacksIntoTheDocumentedBits() external pure {
        Root root = RootLib.pack(3, 5, 9, 2, true, false);
        equal(Root.unwrap(root), (3 << 96) | (1 << 88) | (2 << 80) | (9 << 40) | 5);
        root = RootLib.pack(0, 5, 9, 1, false, true);
        equal(Root.unwrap(root), (1 << 89) | (1 << 80) | (9 << 40) | 5);
        equal(Root.unwrap(root.thin()), (1 << 90) | (1 << 89) | (1 << 80) | (9 << 40) | 5);
    }

    function test_ReadsBackWhatItPacked() external pure {
        testFuzz_ReadsBackWhatItPacked(LAST - LAST, LAST, LAST, type(uint8).max, true, true);
        testFuzz_ReadsBackWhatItPacked(LAST - 0, 0, 0, 0, false, false);
        testFuzz_ReadsBackWhatItPacked(LAST - 1, 1, 0, 0, true, false);
        testFuzz_ReadsBackWhatItPacked(LAST - 0, 0, 1, 0, false, true);
        testFuzz_ReadsBackWhatItPacked(LAST - 0, 0, 0, 1, false, false);
    }

    function testFuzz_ReadsBackWhatItPacked(
        uint40 since,
        uint40 committedAt,
        uint40 count,
        uint8 level,
        bool judged,
        bool revocable
    ) public pure {
        Root root = RootLib.pack(since, committedAt, count, level, judged, revocable);
        reads(root, committedAt, count, level);
        equal(root.since(), since);
        flags(root, judged, revocable, false);
        equal(root.isEmpty(), Root.unwrap(root) == 0);

        Root thinned = root.thin();
        reads(thinned, committedAt, count, level);
        equal(thinned.since(), since);
        flags(thinned, judged, revocable, true);
        equal(thinned.isEmpty(), false);
        equal(Root.unwrap(thinned.thin()), Root.unwrap(thinned));
    }

    /// A time that no block has must not spill into the other fields.
    function testFuzz_KeepsTheOtherBitsFree(
        uint256 since,
        uint256 committedAt,
        uint40 count,
        uint8 level,
        bool judged,
        bool revocable
    ) external pure {
        Root root = RootLib.pack(since, committedAt, count, level, judged, revocable);
        equal(root.since(), uint40(since));
        reads(root, uint40(committedAt), count, level);
        flags(root, judged, revocable, false);
        equal((Root.unwrap(root.thin()) >> 91) % 2 ** 5, 0);
        equal(Root.unwrap(root.thin()) >> 136, 0);
    }

    /// Whatever the free bits come to mean, they are not read as anything else.
    function testFuzz_ReadsNothingFromTheFreeBits(uint256 word) external pure {
        Root root = Root.wrap(word);
        reads(root, uint40(word), uint40(word / 2 ** 40), uint8(word / 2 ** 80));
        flags(root, (word / 2 ** 88) % 2 == 1, (word / 2 ** 89) % 2 == 1, (word / 2 ** 90) % 2 == 1);
        equal(root.since(), uint40(word / 2 ** 96));
        equal(root.isEmpty(), word == 0);
    }

    function reads(Root root, uint40 committedAt, uint40 count, uint8 level) private pure {
        equal(root.committedAt(), committedAt);
        equal(root.count(), count);
        equal(root.level(), level);
    }

    function flags(Root root, bool judged, bool revocable, bool thinned) private pure {
        equal(root.isJudged(), judged);
        equal(root.isRevocable(), revocable);
        equal(root.isThinned(), thinned);
    }
}
