// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Attestation, Encoded} from "./Attestation.sol";

/// The items of a batch, packed: a count of two bytes, then every item as
///
///     flags      1   bit 0 revocable, 1 recipient, 2 ref, 3 expiresAt follow; bits 4-5 length of the salt
///     recipient 20   if bit 1, else zero
///     ref       32   if bit 2, else zero
///     expiresAt  5   if bit 3, else never
///     salt      0, 8, 16 or 32 by bits 4-5 = 0, 1, 2, 3; padded with zeros on the right
///     length     3   of the data
///     data
///
/// Numbers are big-endian. A word per field instead costs 15 % more for a recorded item and far more for a sealed one.
library Items {
    /// @notice The packed items go wrong in the item that starts at byte `start`: it does not end within them, its flags
    /// are unknown, or it is one more than was counted.
    error MalformedItems(uint256 start);

    uint256 internal constant FIRST = 2;
    uint8 private constant ALL_FIELDS = 0x3e;

    /// A batch of one, every field present.
    function pack(Attestation calldata a) internal pure returns (bytes memory) {
        return
            abi.encodePacked(
                uint16(1),
                a.revocable ? ALL_FIELDS | 1 : ALL_FIELDS,
                a.recipient,
                a.ref,
                a.expiresAt,
                a.salt,
                SafeCast.toUint24(a.data.length),
                a.data
            );
    }

    function count(bytes calldata items) internal pure returns (uint256) {
        require(items.length >= FIRST, MalformedItems(0));
        return uint16(bytes2(items[:FIRST]));
    }

    /// Reads the item that starts at byte `start` into `into`.
    /// @return data the item's data
    /// @return next where the next item starts; at most the length of `items`
    function read(
        bytes calldata items,
        uint256 start,
        Encoded memory into
    ) internal pure returns (bytes calldata data, uint256 next) {
        uint256 flags;
        // By hand, because branches and bounds checks per field cost 3 % of a recorded item. A field that is absent is
        // multiplied away. What lies beyond `items` may be read, and is never used: see the check below.
        assembly ("memory-safe") {
            next := add(items.offset, start)
            flags := byte(0, calldataload(next))
            next := add(next, 1)
            mstore(add(into, 0xc0), and(flags, 1))

            let present := and(shr(1, flags), 1)
            mstore(add(into, 0x60), mul(present, shr(96, calldataload(next))))
            next := add(next, mul(present, 20))

            present := and(shr(2, flags), 1)
            mstore(add(into, 0x80), mul(present, calldataload(next)))
            next := add(next, mul(present, 32))

            present := and(shr(3, flags), 1)
            mstore(add(into, 0xa0), mul(present, shr(216, calldataload(next))))
            next := add(next, mul(present, 5))

            let size := and(shl(shr(4, flags), 4), 0x38)
            mstore(add(into, 0xe0), and(calldataload(next), not(shr(mul(size, 8), not(0)))))
            next := add(next, size)

            data.length := shr(232, calldataload(next))
            data.offset := add(next, 3)
            next := sub(add(data.offset, data.length), items.offset)
        }
        require(flags < 64 && next <= items.length, MalformedItems(start));
        // Not keccak256(data), which would keep a copy of all data in memory.
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, data.offset, data.length)
            mstore(add(into, 0x100), keccak256(free, data.length))
        }
    }
}
