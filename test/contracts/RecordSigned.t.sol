// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Digests} from "./support/Digests.sol";
import {Packing} from "./support/Packing.sol";
import {Registries} from "./support/Registries.sol";
import {Spec} from "./support/Spec.sol";
import {vm} from "./support/Vm.sol";

/// Many attestations in one call under one signature: what a relayer can do, and cannot.
contract RecordSignedSpec is Spec {
    function test_RefusesASenderWithoutASignature() external {
        Batch memory batch = batchOf(issuer);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, issuer, relayer));
        vm.prank(relayer);
        registry.record(batch, packed(sample()), "");
    }

    function test_RefusesASignatureAfterItsDeadline() external {
        Batch memory batch = batchOf(issuer);
        bytes memory signature = signedBatch(batch, packed(sample()));
        vm.warp(uint256(DEADLINE) + 1);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, DEADLINE));
        send(batch, packed(sample()), signature);
    }

    function test_AcceptsASignatureInTheSecondOfItsDeadline() external {
        Batch memory batch = batchOf(issuer);
        bytes memory signature = signedBatch(batch, packed(sample()));
        vm.warp(DEADLINE);
        equal(send(batch, packed(sample()), signature), 1);
        holds(sample(), DEADLINE, false);
    }

    function testFuzz_TheDeadlineIsTheLastSecond(uint40 deadline, uint40 time) external {
        vm.warp(within(time, 1, type(uint40).max));
        Batch memory batch = batchOf(issuer);
        batch.deadline = deadline;
        bytes memory signature = signedBatch(batch, packed(sample()));
        if (block.timestamp > deadline) {
            vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, deadline));
            send(batch, packed(sample()), signature);
        } else {
            equal(send(batch, packed(sample()), signature), 1);
        }
    }

    function test_RecordsWhatTheIssuerSignedWhoeverSendsIt() external {
        recordsSigned(many(3), relayer);
    }

    function testFuzz_RecordsWhatTheIssuerSignedWhoeverSendsIt(
        Attestation[3] memory several,
        address sender
    ) external {
        Attestation[] memory items = new Attestation[](3);
        for (uint256 i = 0; i < 3; ++i) {
            items[i] = ours(several[i]);
            items[i].salt = keccak256(abi.encode(items[i].salt, i));
        }
        recordsSigned(items, sender);
    }

    function test_AReplayIsSilent() external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = Packing.pack(many(3));
        bytes memory signature = signedBatch(batch, items);
        equal(send(batch, items, signature), 3);
        vm.warp(NOW + 1);
        vm.recordLogs();
        equal(send(batch, items, signature), 0);
        silent();
    }

    function test_AReplayAfterRevocationRevivesNothing() external {
        Batch memory batch = batchOf(issuer);
        bytes memory signature = signedBatch(batch, packed(sample()));
        send(batch, packed(sample()), signature);
        revoke(uidOf(sample()));
        equal(send(batch, packed(sample()), signature), 0);
        holds(sample(), NOW, true);
    }

    function test_SignaturesLandInAnyOrder() external {
        Attestation[] memory all = many(2);
        Batch memory batch = batchOf(issuer);
        bytes memory first = signedBatch(batch, packed(all[0]));
        bytes memory second = signedBatch(batch, packed(all[1]));
        equal(send(batch, packed(all[1]), second), 1);
        equal(send(batch, packed(all[0]), first), 1);
    }

    function test_ARelayerCannotChangeAnyField() external {
        for (uint256 field = 0; field < 5; ++field) refusesAChange(field, 1, many(3));
    }

    function testFuzz_ARelayerCannotChangeAnyField(uint256 field, uint256 by, uint256 count) external {
        refusesAChange(field % 5, by, many(within(count, 1, 4)));
    }

    function testFuzz_ARelayerCannotChangeASignedStatement(uint256 field, uint256 by) external {
        Attestation memory a = sample();
        bytes memory signature = signed(uidOf(a));
        field %= 7;
        address attester = issuer;
        if (field == 0) a.schema = firmSchema;
        else if (field == 1) a.attester = attester = other(by);
        else if (field == 2) a.recipient = address(uint160(a.recipient) ^ uint160(by | 1));
        else if (field == 3) a.ref ^= bytes32(by | 1);
        else if (field == 4) a.expiresAt ^= uint40(by | 1);
        else if (field == 5) a.salt ^= bytes32(by | 1);
        else a.data[by % a.data.length] ^= bytes1(uint8(1 << (by % 8)));
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, attester));
        registry.attestSigned(a, signature);
        a.revocable = false;
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, attester));
        registry.attestSigned(a, signature);
    }

    function test_RefusesASignatureForAnotherLevelOrValue() external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = packed(sample());
        refuses(batch, items, signed(Digests.batch(address(registry), batch, items, 1, 0)));
        refuses(batch, items, signed(Digests.batch(address(registry), batch, items, 2, 0)));
        refuses(batch, items, signed(Digests.batch(address(registry), batch, items, 0, 1)));
    }

    function test_RefusesTheSignatureOfOneStatementForABatchAndBack() external {
        Attestation memory a = sample();
        Batch memory batch = batchOf(issuer);
        refuses(batch, packed(a), signed(uidOf(a)));
        bytes memory signature = signedBatch(batch, packed(a));
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer));
        registry.attestSigned(a, signature);
    }

    function testFuzz_RefusesSignaturesForAnotherChain(uint256 chain) external {
        chain = within(chain, 1, type(uint64).max);
        vm.assume(chain != block.chainid);
        Attestation memory a = sample();
        Batch memory batch = batchOf(issuer);
        bytes memory one_ = signed(uidOf(a));
        bytes memory all = signedBatch(batch, packed(a));
        vm.chainId(chain);
        refuses(batch, packed(a), all);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer));
        registry.attestSigned(a, one_);
    }

    function test_RefusesSignaturesForAnotherRegistry() external {
        Attestation memory a = sample();
        Batch memory batch = batchOf(issuer);
        bytes memory one_ = signed(uidOf(a));
        bytes memory all = signedBatch(batch, packed(a));
        bytes32 uid = uidOf(a);
        registry = Registries.newRegistry(schemas);
        yes(uid != uidOf(a), "another uid");
        refuses(batch, packed(a), all);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer));
        registry.attestSigned(a, one_);
    }

    function refusesAChange(uint256 field, uint256 by, Attestation[] memory list) private {
        Batch memory batch = batchOf(issuer);
        bytes memory items = Packing.pack(list);
        bytes memory signature = signedBatch(batch, items);
        if (field == 0) batch.attester = other(by);
        else if (field == 1) batch.schema = firmSchema;
        else if (field == 2) batch.deadline ^= uint40(1 << (by % 10));
        else if (field == 3) items[by % items.length] ^= bytes1(uint8(1 << (by % 8)));
        else items = bytes.concat(items, bytes1(uint8(by)));
        refuses(batch, items, signature);
    }

    function refuses(Batch memory batch, bytes memory items, bytes memory signature) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, batch.attester)
        );
        send(batch, items, signature);
    }

    function recordsSigned(Attestation[] memory items, address sender) private {
        Batch memory batch = batchOf(issuer);
        bytes memory signature = signedBatch(batch, Packing.pack(items));
        for (uint256 i = 0; i < items.length; ++i) expectAttested(items[i]);
        vm.prank(sender);
        equal(registry.record(batch, Packing.pack(items), signature), items.length);
        for (uint256 i = 0; i < items.length; ++i) holds(items[i], NOW, false);
    }

    function send(Batch memory batch, bytes memory items, bytes memory signature) private returns (uint256) {
        vm.prank(relayer);
        return registry.record(batch, items, signature);
    }

    /// Somebody who is neither the issuer nor the relayer.
    function other(uint256 by) private view returns (address somebody) {
        somebody = address(uint160(within(by, 0x10000, type(uint160).max)));
        if (somebody == issuer || somebody == relayer) somebody = address(0xDECAF);
    }
}
