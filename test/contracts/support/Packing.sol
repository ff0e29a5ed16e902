// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Attestation} from "../../../contracts/types/Attestation.sol";

/// Writes what the library Items reads. Plain on purpose: it is the second opinion.
library Packing {
    /// The shortest encoding, as the tooling makes it.
    function pack(Attestation[] memory items) internal pure returns (bytes memory packed) {
        packed = abi.encodePacked(uint16(items.length));
        for (uint256 i = 0; i < items.length; ++i) {
            packed = bytes.concat(packed, packItem(items[i]));
        }
    }

    function packItem(Attestation memory a) internal pure returns (bytes memory) {
        return packItem(a, a.recipient != address(0), a.ref != 0, a.expiresAt != 0, saltCode(a.salt));
    }

    /// Every field there, the salt in full, whether it is zero or not.
    function packItemAtLength(Attestation memory a) internal pure returns (bytes memory) {
        return packItem(a, true, true, true, 3);
    }

    function packItem(
        Attestation memory a,
        bool hasRecipient,
        bool hasRef,
        bool hasExpiry,
        uint256 code
    ) internal pure returns (bytes memory) {
        uint256 flags = a.revocable ? 1 : 0;
        if (hasRecipient) flags += 2;
        if (hasRef) flags += 4;
        if (hasExpiry) flags += 8;
        flags += code * 16;
        return
            bytes.concat(
                bytes1(uint8(flags)),
                hasRecipient ? abi.encodePacked(a.recipient) : bytes(""),
                hasRef ? abi.encodePacked(a.ref) : bytes(""),
                hasExpiry ? abi.encodePacked(a.expiresAt) : bytes(""),
                head(a.salt, saltLength(code)),
                bytes3(uint24(a.data.length)),
                a.data
            );
    }

    function saltCode(bytes32 salt) internal pure returns (uint256) {
        if (salt == 0) return 0;
        if (uint256(salt) << 64 == 0) return 1;
        return uint256(salt) << 128 == 0 ? 2 : 3;
    }

    function saltLength(uint256 code) internal pure returns (uint256) {
        return [uint256(0), 8, 16, 32][code];
    }

    function head(bytes32 word, uint256 length) internal pure returns (bytes memory bytes_) {
        bytes_ = new bytes(length);
        for (uint256 i = 0; i < length; ++i) bytes_[i] = word[i];
    }
}
