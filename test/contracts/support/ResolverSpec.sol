// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../../contracts/types/Attestation.sol";
import {RECORD, SEAL} from "../../../contracts/types/Batch.sol";
import {Digests} from "./Digests.sol";
import {Packing} from "./Packing.sol";
import {Spec} from "./Spec.sol";
import {Trees} from "./Trees.sol";
import {vm} from "./Vm.sol";

/// A schema that names a resolver, and every way to attest under it.
abstract contract ResolverSpec is Spec {
    uint256 internal constant WAYS = 6;
    // With those by which one statement is sealed.
    uint256 internal constant ALL_WAYS = 8;

    address internal resolver;
    bytes32 internal judged;

    /// From now on `judged` is a schema that names it.
    function names(address resolver_) internal {
        resolver = resolver_;
        judged = schemas.register("uint64 score,string note", resolver_, true);
    }

    /// As it is compiled for production.
    function deployed(string memory artifact, bytes memory arguments) internal returns (address made) {
        bytes memory code = bytes.concat(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        yes(made != address(0), "deployed");
    }

    function judgedOnes(uint256 count) internal view returns (Attestation[] memory items) {
        items = many(count);
        for (uint256 i = 0; i < count; ++i) items[i].schema = judged;
    }

    function judgedBatch(
        address attester,
        bytes32 stream,
        uint64 position
    ) internal view returns (Batch memory) {
        return Batch(attester, judged, stream, position, DEADLINE);
    }

    function rootOf(Attestation[] memory items) internal view returns (bytes32) {
        return Trees.rootOf(uidsOf(items));
    }

    /// The issuer itself and then the relayer: one statement to record, a batch to record, a batch to seal; and one
    /// statement to seal, for which both bring the signature.
    function callOf(
        uint256 way,
        Attestation[] memory items,
        uint256 value
    ) internal view returns (bytes memory) {
        if (way == 0) return abi.encodeCall(IAttestationRegistry.attest, (items[0]));
        if (way == 1) {
            return abi.encodeCall(IAttestationRegistry.attestSigned, (items[0], signed(uidOf(items[0]))));
        }
        if (way >= WAYS) {
            return abi.encodeCall(IAttestationRegistry.sealSigned, (items[0], signed(uidOf(items[0]))));
        }
        Batch memory batch = Batch(issuer, items[0].schema, 0, 0, DEADLINE);
        bytes memory packed_ = Packing.pack(items);
        uint8 level = levelOf(way);
        bytes memory signature;
        if (way % 2 == 1) signature = signed(Digests.batch(address(registry), batch, packed_, level, value));
        if (level == RECORD) return abi.encodeCall(IAttestationRegistry.record, (batch, packed_, signature));
        return abi.encodeCall(IAttestationRegistry.seal, (batch, packed_, signature));
    }

    /// Says no more than the first of the items.
    function isSingle(uint256 way) internal pure returns (bool) {
        return way < 2 || way >= WAYS;
    }

    function saidBy(uint256 way, Attestation[] memory items) internal pure returns (Attestation[] memory) {
        return isSingle(way) ? one(items[0]) : items;
    }

    function senderOf(uint256 way) internal view returns (address) {
        return way % 2 == 0 ? issuer : relayer;
    }

    function levelOf(uint256 way) internal pure returns (uint8) {
        return way < 4 ? RECORD : SEAL;
    }

    function send(uint256 way, Attestation[] memory items, uint256 value) internal returns (bytes memory) {
        return send(senderOf(way), value, callOf(way, items, value), true);
    }

    function refuses(uint256 way, Attestation[] memory items, uint256 value, bytes memory error_) internal {
        equal(send(senderOf(way), value, callOf(way, items, value), false), error_);
    }

    function send(
        address sender,
        uint256 value,
        bytes memory data,
        bool want
    ) internal returns (bytes memory answer) {
        bool ok;
        vm.deal(sender, value);
        vm.prank(sender);
        (ok, answer) = address(registry).call{value: value, gas: 20_000_000}(data);
        if (ok != want) revert DifferentBytes(answer, "");
        equal(sender.balance, want ? 0 : value);
        equal(address(registry).balance, 0);
    }
}
