// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Spec} from "./support/Spec.sol";
import {vm} from "./support/Vm.sol";

/// One attestation, sent by its issuer or carried by somebody else.
contract AttestSpec is Spec {
    function test_RefusesASenderWhoIsNotTheAttester() external {
        Attestation memory a = sample();
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, issuer, relayer));
        vm.prank(relayer);
        registry.attest(a);
        nothingIsKnownOf(uidOf(a));
    }

    function testFuzz_RefusesASenderWhoIsNotTheAttester(Attestation memory a, address sender) external {
        vm.assume(sender != a.attester);
        a.schema = schema;
        vm.expectRevert(
            abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, a.attester, sender)
        );
        vm.prank(sender);
        registry.attest(a);
    }

    function test_RefusesAnUnknownSchema() external {
        refusesSchema("nobody registered this", IAttestationRegistry.UnknownSchema.selector);
        refusesSchema(0, IAttestationRegistry.UnknownSchema.selector);
    }

    function testFuzz_RefusesAnUnknownSchema(bytes32 unknown) external {
        vm.assume(unknown != schema && unknown != firmSchema && unknown != resolverSchema);
        refusesSchema(unknown, IAttestationRegistry.UnknownSchema.selector);
    }

    function test_RefusesARevocableAttestationUnderAnIrrevocableSchema() external {
        refusesSchema(firmSchema, IAttestationRegistry.SchemaIrrevocable.selector);
    }

    function test_RefusesAResolverWithoutCode() external {
        Attestation memory a = sample();
        a.schema = resolverSchema;
        bytes memory signature = signed(uidOf(a));
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.ResolverRefused.selector, RESOLVER);
        vm.expectRevert(error_);
        vm.prank(issuer);
        registry.attest(a);
        vm.expectRevert(error_);
        registry.attestSigned(a, signature);
    }

    function test_RecordsAnAttestationOfTheSender() external {
        records(sample());
    }

    function test_RecordsTheLeastAndTheMostThatFieldsHold() external {
        records(ours(Attestation(0, address(0), address(0), 0, 0, false, 0, "")));
        Attestation memory a = sample();
        a.recipient = address(type(uint160).max);
        a.ref = a.salt = bytes32(type(uint256).max);
        a.expiresAt = type(uint40).max;
        a.data = new bytes(30_000);
        records(a);
    }

    function testFuzz_RecordsAnAttestationOfTheSender(Attestation memory a, uint256 time) external {
        a.schema = schema;
        vm.warp(within(time, 1, type(uint40).max));
        records(a);
    }

    function test_RecordsAnIrrevocableAttestationUnderEitherSchema() external {
        Attestation memory a = sample();
        a.revocable = false;
        records(a);
        a.schema = firmSchema;
        records(a);
    }

    function test_IsValidUntilTheSecondBeforeItExpires() external {
        Attestation memory a = sample();
        bytes32 uid = attest(a);
        vm.warp(a.expiresAt - 1);
        equal(registry.isValid(uid), true);
        vm.warp(a.expiresAt);
        equal(registry.isValid(uid), false);
        equal(registry.isValid(a), false);
    }

    function test_AttestingAgainLaterChangesNothing() external {
        Attestation memory a = sample();
        bytes32 uid = attest(a);
        vm.warp(NOW + 1 hours);
        vm.recordLogs();
        equal(attest(a), uid);
        equal(registry.attestSigned(a, signed(uid)), uid);
        silent();
        holds(a, NOW, false);
    }

    function test_AttestingAgainDoesNotReviveWhatIsRevokedOrExpired() external {
        Attestation memory a = sample();
        bytes32 uid = attest(a);
        revoke(uid);
        vm.recordLogs();
        equal(attest(a), uid);
        silent();
        holds(a, NOW, true);

        a.salt = "another";
        attest(a);
        vm.warp(a.expiresAt);
        vm.recordLogs();
        attest(a);
        silent();
        holds(a, NOW, false);
    }

    function testFuzz_AnyOtherFieldIsAnotherAttestation(uint256 field, bytes32 change) external {
        vm.assume(change != 0);
        Attestation memory a = sample();
        bytes32 uid = attest(a);
        field %= 6;
        if (field == 0) a.recipient = address(uint160(uint256(change) | 1));
        else if (field == 1) a.ref ^= change;
        else if (field == 2) a.expiresAt ^= uint40(uint256(change) | 1);
        else if (field == 3) a.revocable = false;
        else if (field == 4) a.salt ^= change;
        else a.data = bytes.concat(a.data, change);
        equal(registry.isValid(a), false);
        yes(attest(a) != uid, "another uid");
        holds(a, NOW, false);
    }

    function test_RefusesAStrangersSignature() external {
        Attestation memory a = sample();
        bytes memory signature = signedBy(ISSUER_KEY + 1, uidOf(a));
        refusesSignature(a, signature);
        refusesSignature(a, "");
    }

    function testFuzz_RefusesASignatureOfAnyOtherKey(uint256 key, Attestation memory a) external {
        key = within(key, 1, 1e70);
        vm.assume(key != ISSUER_KEY);
        refusesSignature(ours(a), signedBy(key, uidOf(ours(a))));
    }

    function testFuzz_RefusesRandomBytesForASignature(bytes calldata signature) external {
        refusesSignature(sample(), signature);
    }

    function test_RecordsWhatTheIssuerSignedWhoeverSendsIt() external {
        recordsSigned(sample());
    }

    function testFuzz_RecordsWhatTheIssuerSignedWhoeverSendsIt(Attestation memory a) external {
        recordsSigned(ours(a));
    }

    function test_ReplayingASignatureIsSilentAlsoAfterRevocation() external {
        Attestation memory a = sample();
        bytes memory signature = signed(uidOf(a));
        bytes32 uid = registry.attestSigned(a, signature);
        revoke(uid);
        vm.warp(NOW + 5);
        vm.recordLogs();
        equal(registry.attestSigned(a, signature), uid);
        silent();
        holds(a, NOW, true);
    }

    function testFuzz_TheUidIsTheEip712DigestOfTheFields(Attestation calldata a, uint64 chain) external {
        vm.chainId(within(chain, 1, type(uint64).max));
        equal(registry.uidOf(a), uidOf(a));
    }

    function records(Attestation memory a) private {
        bytes32 want = uidOf(a);
        nothingIsKnownOf(want);
        expectAttested(a);
        vm.prank(a.attester);
        equal(registry.attest(a), want);
        holds(a, block.timestamp, false);
    }

    function recordsSigned(Attestation memory a) private {
        bytes32 want = uidOf(a);
        bytes memory signature = signed(want);
        expectAttested(a);
        vm.prank(relayer);
        equal(registry.attestSigned(a, signature), want);
        holds(a, NOW, false);
    }

    function refusesSchema(bytes32 id, bytes4 error_) private {
        Attestation memory a = sample();
        a.schema = id;
        bytes memory signature = signed(uidOf(a));
        vm.expectRevert(abi.encodeWithSelector(error_, id));
        vm.prank(issuer);
        registry.attest(a);
        vm.expectRevert(abi.encodeWithSelector(error_, id));
        registry.attestSigned(a, signature);
        nothingIsKnownOf(uidOf(a));
    }

    function refusesSignature(Attestation memory a, bytes memory signature) private {
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer));
        vm.prank(relayer);
        registry.attestSigned(a, signature);
        nothingIsKnownOf(uidOf(a));
    }
}
