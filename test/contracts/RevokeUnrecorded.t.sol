// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation, Statement} from "../../contracts/types/Attestation.sol";
import {Spec} from "./support/Spec.sol";
import {vm} from "./support/Vm.sol";

/// Revoking what was signed and not sent, or is on its way.
contract RevokeUnrecordedSpec is Spec {
    function test_RefusesAnEmptyList() external {
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector));
        vm.prank(issuer);
        registry.revokeUnrecorded(new Statement[](0), "", 0, "");
    }

    function testFuzz_RefusesAnybodyButTheAttester(address sender) external {
        vm.assume(sender != issuer);
        Statement memory s = bodiless(sample());
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, issuer, sender));
        vm.prank(sender);
        registry.revokeUnrecorded(one(s), "", DEADLINE, "");
        nothingIsKnownOf(uidOf(sample()));
    }

    function test_RefusesStatementsOfSeveralAttesters() external {
        Attestation memory foreign = sample();
        foreign.attester = address(0xE15E);
        Statement[] memory both = new Statement[](2);
        both[0] = bodiless(sample());
        both[1] = bodiless(foreign);
        bytes32 uid = uidOf(foreign);
        vm.expectRevert(
            abi.encodeWithSelector(IAttestationRegistry.AttestedByAnother.selector, uid, foreign.attester)
        );
        vm.prank(issuer);
        registry.revokeUnrecorded(both, "", 0, "");
        nothingIsKnownOf(uidOf(sample()));
        nothingIsKnownOf(uid);
    }

    function test_RefusesAnIrrevocableStatement() external {
        Attestation memory a = sample();
        a.revocable = false;
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.Irrevocable.selector, uidOf(a));
        vm.expectRevert(error_);
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(a)), "", 0, "");
        nothingIsKnownOf(uidOf(a));

        attest(a);
        vm.expectRevert(error_);
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(a)), "", 0, "");
        holds(a, NOW, false);
    }

    function test_RefusesASignatureAfterItsDeadline() external {
        bytes memory signature = signedRevocation(one(uidOf(sample())), "", DEADLINE);
        Statement[] memory list = one(bodiless(sample()));
        vm.warp(uint256(DEADLINE) + 1);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, DEADLINE));
        registry.revokeUnrecorded(list, "", DEADLINE, signature);
        vm.warp(DEADLINE);
        registry.revokeUnrecorded(list, "", DEADLINE, signature);
        holds(sample(), 0, true);
    }

    function testFuzz_ARelayerCannotChangeASignedRevocation(uint256 field, bytes32 by) external {
        vm.assume(by != 0);
        Statement memory s = bodiless(sample());
        bytes memory signature = signedRevocation(one(uidOf(sample())), "why", DEADLINE);
        uint40 deadline = DEADLINE;
        string memory reason = "why";
        field %= 8;
        if (field == 0) s.schema ^= by;
        else if (field == 1) s.recipient = address(uint160(s.recipient) ^ uint160(uint256(by) | 1));
        else if (field == 2) s.ref ^= by;
        else if (field == 3) s.expiresAt ^= uint40(uint256(by) | 1);
        else if (field == 4) s.salt ^= by;
        else if (field == 5) s.dataHash ^= by;
        else if (field == 6) deadline += uint40(within(uint256(by), 1, 1e9));
        else reason = "because";
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer));
        vm.prank(relayer);
        registry.revokeUnrecorded(one(s), reason, deadline, signature);
    }

    function test_RevokesBeforeRecordingAndNothingMakesItValid() external {
        neverBecomesValid(sample());
    }

    function testFuzz_RevokesBeforeRecordingAndNothingMakesItValid(Attestation memory a) external {
        a = ours(a);
        a.revocable = true;
        neverBecomesValid(a);
    }

    function test_RevokesWhatASchemaThatNobodyRegisteredSays() external {
        Attestation memory a = sample();
        a.schema = keccak256(abi.encodePacked("uint8 later", address(0), true));
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(a)), "", 0, "");
        schemas.register("uint8 later", address(0), true);
        attest(a);
        holds(a, 0, true);
    }

    function testFuzz_RevokesWhatTheIssuerSigned(string calldata reason, address sender) external {
        Statement[] memory list = new Statement[](2);
        bytes32[] memory uids = new bytes32[](2);
        Attestation[] memory items = many(2);
        for (uint256 i = 0; i < 2; ++i) (list[i], uids[i]) = (bodiless(items[i]), uidOf(items[i]));
        bytes memory signature = signedRevocation(uids, reason, DEADLINE);
        for (uint256 i = 0; i < 2; ++i) expectRevoked(uids[i], reason);
        vm.prank(sender);
        registry.revokeUnrecorded(list, reason, DEADLINE, signature);
        for (uint256 i = 0; i < 2; ++i) holds(items[i], 0, true);
    }

    function test_RevokesWhatWasRecordedMeanwhile() external {
        Attestation memory a = sample();
        bytes32 uid = attest(a);
        vm.warp(NOW + 9);
        expectRevoked(uid, "late");
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(a)), "late", 0, "");
        holds(a, NOW, true);
    }

    function test_RevokingAgainIsSilent() external {
        bytes32 uid = uidOf(sample());
        Statement[] memory twice = new Statement[](2);
        twice[0] = twice[1] = bodiless(sample());
        vm.recordLogs();
        vm.prank(issuer);
        registry.revokeUnrecorded(twice, "", 0, "");
        equal(vm.getRecordedLogs().length, 1);
        vm.prank(issuer);
        registry.revokeUnrecorded(twice, "", 0, "");
        revoke(uid);
        silent();
        holds(sample(), 0, true);
    }

    function neverBecomesValid(Attestation memory a) private {
        bytes32 uid = uidOf(a);
        bytes memory ofStatement = signed(uid);
        Batch memory batch = batchOf(issuer);
        bytes memory ofBatch = signedBatch(batch, packed(a));

        expectRevoked(uid, "never mind");
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(a)), "never mind", 0, "");
        holds(a, 0, true);

        vm.recordLogs();
        equal(attest(a), uid);
        equal(registry.attestSigned(a, ofStatement), uid);
        equal(registry.record(batch, packed(a), ofBatch), 0);
        vm.prank(issuer);
        equal(registry.record(batch, packed(a), ""), 0);
        silent();
        holds(a, 0, true);
    }
}
