// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../../contracts/types/Attestation.sol";
import {Check} from "./Check.sol";
import {Digests} from "./Digests.sol";
import {Vm} from "./Vm.sol";

/// Reads the events of a registry alone, as somebody does who has nothing else, and keeps the heads that follow from
/// them. Plain on purpose: it is the second opinion.
contract Replay is Check {
    struct End {
        uint64 count;
        bytes32 hash;
    }

    address private immutable _registry;

    mapping(address attester => mapping(bytes32 stream => End)) public endOf;

    constructor(address registry) {
        _registry = registry;
    }

    /// @return appended how many of the events were Appended
    function read(Vm.Log[] memory logs) external returns (uint256 appended) {
        for (uint256 i = 0; i < logs.length; ++i) {
            equal(logs[i].emitter, _registry);
            if (logs[i].topics[0] != IAttestationRegistry.Appended.selector) continue;
            ++appended;
            follow(logs, i);
        }
    }

    /// What was appended is in the events right before.
    function follow(Vm.Log[] memory logs, uint256 i) private {
        address attester = address(uint160(uint256(logs[i].topics[1])));
        End storage end = endOf[attester][logs[i].topics[2]];
        (uint64 position, uint64 count, bytes32 want) = abi.decode(logs[i].data, (uint64, uint64, bytes32));
        equal(position, end.count);
        bytes32 hash = end.hash;
        Vm.Log memory last = logs[i - 1];
        equal(topicAsAddress(last), attester);
        if (last.topics[0] == IAttestationRegistry.Attested.selector) {
            for (uint256 j = i - count; j < i; ++j) {
                equal(logs[j].topics[0], IAttestationRegistry.Attested.selector);
                hash = keccak256(abi.encodePacked(hash, logs[j].topics[1]));
            }
        } else if (last.topics[0] == IAttestationRegistry.Sealed.selector) {
            bytes memory items = abi.decode(last.data, (bytes));
            Attestation[] memory list = unpack(items, last.topics[2], attester);
            equal(list.length, count);
            for (uint256 j = 0; j < list.length; ++j) {
                hash = keccak256(abi.encodePacked(hash, Digests.uid(_registry, list[j])));
            }
        } else {
            equal(last.topics[0], IAttestationRegistry.Anchored.selector);
            equal(abi.decode(last.data, (uint40)), count);
            hash = keccak256(abi.encodePacked(hash, last.topics[3], uint256(count)));
        }
        equal(hash, want);
        (end.count, end.hash) = (end.count + count, hash);
    }

    /// The second topic of Attested, the first of the others.
    function topicAsAddress(Vm.Log memory log) private pure returns (address) {
        bool second = log.topics[0] == IAttestationRegistry.Attested.selector;
        return address(uint160(uint256(log.topics[second ? 2 : 1])));
    }

    /// What the documentation of the library Items says, byte by byte.
    function unpack(
        bytes memory items,
        bytes32 schema,
        address attester
    ) private pure returns (Attestation[] memory list) {
        list = new Attestation[](number(items, 0, 2));
        uint256 next = 2;
        for (uint256 i = 0; i < list.length; ++i) {
            Attestation memory a = list[i];
            (a.schema, a.attester) = (schema, attester);
            uint256 flags = number(items, next++, 1);
            a.revocable = flags % 2 == 1;
            if ((flags / 2) % 2 == 1) {
                a.recipient = address(uint160(number(items, next, 20)));
                next += 20;
            }
            if ((flags / 4) % 2 == 1) {
                a.ref = bytes32(number(items, next, 32));
                next += 32;
            }
            if ((flags / 8) % 2 == 1) {
                a.expiresAt = uint40(number(items, next, 5));
                next += 5;
            }
            uint256 salt = [uint256(0), 8, 16, 32][flags / 16];
            if (salt != 0) a.salt = bytes32(number(items, next, salt) << (8 * (32 - salt)));
            next += salt;
            a.data = new bytes(number(items, next, 3));
            next += 3;
            for (uint256 j = 0; j < a.data.length; ++j) a.data[j] = items[next++];
        }
        equal(next, items.length);
    }

    function number(bytes memory from, uint256 start, uint256 length) private pure returns (uint256 value) {
        for (uint256 i = 0; i < length; ++i) value = (value << 8) | uint8(from[start + i]);
    }
}
