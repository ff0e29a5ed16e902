// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Record, RecordLib} from "../../contracts/types/Record.sol";
import {Check} from "./support/Check.sol";

contract RecordSpec is Check {
    uint40 private constant LAST = type(uint40).max;

    function test_AnEmptySlotIsEmptyAndNeverValid() external pure {
        Record empty = Record.wrap(0);
        yes(empty.isEmpty(), "empty");
        equal(empty.isValidAt(0), false);
        equal(empty.isValidAt(type(uint256).max), false);
    }

    function test_PacksIntoTheDocumentedBits() external pure {
        address attester = 0x1122334455667788990011223344556677889900;
        Record record = RecordLib.pack(attester, 5, 9, true).revoke();
        uint256 want = (3 << 240) | (9 << 200) | (5 << 160) | uint160(attester);
        equal(Record.unwrap(record), want);
    }

    function test_ReadsBackWhatItPacked() external pure {
        testFuzz_ReadsBackWhatItPacked(address(type(uint160).max), LAST, LAST, true);
        testFuzz_ReadsBackWhatItPacked(address(1), 1, 0, false);
    }

    function testFuzz_ReadsBackWhatItPacked(
        address attester,
        uint40 recordedAt,
        uint40 expiresAt,
        bool revocable
    ) public pure {
        Record record = RecordLib.pack(attester, recordedAt, expiresAt, revocable);
        reads(record, attester, recordedAt, expiresAt, revocable, false);
        reads(record.revoke(), attester, recordedAt, expiresAt, revocable, true);
        equal(Record.unwrap(record.revoke().revoke()), Record.unwrap(record.revoke()));
        equal(record.isEmpty(), Record.unwrap(record) == 0);
        equal(record.revoke().isEmpty(), false);
    }

    function test_IsValidUntilTheSecondBeforeItExpires() external pure {
        Record record = RecordLib.pack(address(1), 50, 100, true);
        equal(record.isValidAt(99), true);
        equal(record.isValidAt(100), false);
        equal(record.isValidAt(101), false);
        equal(record.revoke().isValidAt(99), false);
    }

    function test_NeverExpiresWithoutAnExpiry() external pure {
        Record record = RecordLib.pack(address(1), 50, 0, false);
        equal(record.isValidAt(0), true);
        equal(record.isValidAt(type(uint256).max), true);
    }

    function test_IsNotValidUnlessRecorded() external pure {
        equal(RecordLib.pack(address(1), 0, 0, true).isValidAt(1), false);
    }

    function testFuzz_IsValidAtExactlyWhenRecordedNotRevokedNotExpired(
        uint40 recordedAt,
        uint40 expiresAt,
        bool revoked,
        uint256 time
    ) external pure {
        Record record = RecordLib.pack(address(1), recordedAt, expiresAt, true);
        if (revoked) record = record.revoke();
        bool want = recordedAt != 0 && !revoked && (expiresAt == 0 || time < expiresAt);
        equal(record.isValidAt(time), want);
        // Random times rarely meet the boundary.
        want = recordedAt != 0 && !revoked && expiresAt == 0;
        equal(record.isValidAt(expiresAt), want);
    }

    function reads(
        Record record,
        address attester,
        uint40 recordedAt,
        uint40 expiresAt,
        bool revocable,
        bool revoked
    ) private pure {
        equal(record.attester(), attester);
        equal(record.recordedAt(), recordedAt);
        equal(record.expiresAt(), expiresAt);
        equal(record.isRevocable(), revocable);
        equal(record.isRevoked(), revoked);
    }
}
