// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// The one slot of an attestation. From the lowest bit:
/// attester 160 | recordedAt 40 | expiresAt 40 | revocable 1 | revoked 1 | 14 bits kept free.
/// Empty (zero): nothing is known. recordedAt zero but not empty: revoked before it was ever recorded.
type Record is uint256;

using RecordLib for Record global;

library RecordLib {
    uint256 private constant RECORDED_AT = 160;
    uint256 private constant EXPIRES_AT = 200;
    uint256 private constant REVOCABLE = 1 << 240;
    uint256 private constant REVOKED = 1 << 241;

    function pack(
        address attester_,
        uint256 recordedAt_,
        uint40 expiresAt_,
        bool revocable
    ) internal pure returns (Record) {
        // Seconds fit 40 bits until the year 36812; the cast of a block's time is the only narrowing.
        uint256 word = uint160(attester_) | (uint256(uint40(recordedAt_)) << RECORDED_AT);
        word |= uint256(expiresAt_) << EXPIRES_AT;
        return Record.wrap(revocable ? word | REVOCABLE : word);
    }

    function revoke(Record record) internal pure returns (Record) {
        return Record.wrap(Record.unwrap(record) | REVOKED);
    }

    function isEmpty(Record record) internal pure returns (bool) {
        return Record.unwrap(record) == 0;
    }

    function attester(Record record) internal pure returns (address) {
        return address(uint160(Record.unwrap(record)));
    }

    function recordedAt(Record record) internal pure returns (uint40) {
        return uint40(Record.unwrap(record) >> RECORDED_AT);
    }

    function expiresAt(Record record) internal pure returns (uint40) {
        return uint40(Record.unwrap(record) >> EXPIRES_AT);
    }

    function isRevocable(Record record) internal pure returns (bool) {
        return Record.unwrap(record) & REVOCABLE != 0;
    }

    function isRevoked(Record record) internal pure returns (bool) {
        return Record.unwrap(record) & REVOKED != 0;
    }

    /// Recorded, not revoked, and `time` lies before the expiry (zero: never expires).
    function isValidAt(Record record, uint256 time) internal pure returns (bool) {
        uint40 expiry = expiresAt(record);
        return recordedAt(record) != 0 && !isRevoked(record) && (expiry == 0 || time < expiry);
    }
}
