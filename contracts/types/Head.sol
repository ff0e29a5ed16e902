// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// The end of a stream: how many statements were appended, and what they and their order hash to. A uid is appended
/// as keccak256(hash ‖ uid), a root with all its leaves as keccak256(hash ‖ root ‖ count), each a word. The hash of an
/// empty stream is zero.
struct Head {
    uint64 count;
    bytes32 hash;
}

library HeadLib {
    function append(bytes32 hash, bytes32 uid) internal pure returns (bytes32) {
        return Hashes.efficientKeccak256(hash, uid);
    }

    function append(bytes32 hash, bytes32 root, uint40 count) internal pure returns (bytes32) {
        return keccak256(abi.encode(hash, root, count));
    }
}
