// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Spec} from "./support/Spec.sol";
import {vm} from "./support/Vm.sol";

/// Revoking what is recorded, by its issuer or under the issuer's signature.
contract RevokeSpec is Spec {
    function test_RefusesAnEmptyList() external {
        bytes memory signature = signedRevocation(new bytes32[](0), "", DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector));
        registry.revoke(new bytes32[](0), "");
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector));
        registry.revokeSigned(issuer, new bytes32[](0), "", DEADLINE, signature);
    }

    function testFuzz_RefusesAnUnknownUid(bytes32 uid) external {
        refuses(uid, abi.encodeWithSelector(IAttestationRegistry.NotRecorded.selector, uid));
    }

    function test_RefusesAnUnknownUid() external {
        refusesUnknown(0);
        refusesUnknown(uidOf(sample()));
    }

    function test_RefusesSomebodyElsesAttestation() external {
        Attestation memory a = sample();
        a.attester = address(0xE15E);
        bytes32 uid = attest(a);
        refuses(
            uid,
            abi.encodeWithSelector(IAttestationRegistry.AttestedByAnother.selector, uid, a.attester)
        );
        holds(a, NOW, false);
    }

    function testFuzz_RefusesAnybodyButTheAttester(address sender) external {
        vm.assume(sender != issuer && sender != address(0));
        bytes32 uid = attest(sample());
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.AttestedByAnother.selector, uid, issuer));
        vm.prank(sender);
        registry.revoke(one(uid), "");
        holds(sample(), NOW, false);
    }

    function test_RefusesAnIrrevocableAttestation() external {
        Attestation memory a = sample();
        a.revocable = false;
        bytes32 uid = attest(a);
        refuses(uid, abi.encodeWithSelector(IAttestationRegistry.Irrevocable.selector, uid));
        holds(a, NOW, false);
    }

    function test_RefusesAllWhenOneUidIsBad() external {
        bytes32[] memory uids = new bytes32[](2);
        uids[0] = attest(sample());
        uids[1] = "unknown";
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotRecorded.selector, uids[1]));
        vm.prank(issuer);
        registry.revoke(uids, "");
        holds(sample(), NOW, false);
    }

    function test_RevokesForEver() external {
        revokes(sample(), "left the company");
        Attestation memory a = sample();
        vm.warp(a.expiresAt + 1);
        holds(a, NOW, true);
    }

    function testFuzz_RevokesForEver(Attestation memory a, string calldata reason) external {
        a = ours(a);
        a.revocable = true;
        revokes(a, reason);
    }

    function test_RevokesWhatHasExpired() external {
        Attestation memory a = sample();
        bytes32 uid = attest(a);
        vm.warp(a.expiresAt + 1);
        expectRevoked(uid, "");
        revoke(uid);
        holds(a, NOW, true);
    }

    function test_RevokingAgainIsSilent() external {
        bytes32 uid = attest(sample());
        revoke(uid);
        bytes memory signature = signedRevocation(one(uid), "", DEADLINE);
        vm.recordLogs();
        revoke(uid);
        registry.revokeSigned(issuer, one(uid), "", DEADLINE, signature);
        silent();
        holds(sample(), NOW, true);
    }

    function test_RevokesManyAndADuplicateOnce() external {
        Attestation[] memory items = many(3);
        bytes32[] memory uids = new bytes32[](4);
        for (uint256 i = 0; i < 3; ++i) uids[i] = attest(items[i]);
        uids[3] = uids[0];
        for (uint256 i = 0; i < 3; ++i) expectRevoked(uids[i], "all");
        vm.recordLogs();
        vm.prank(issuer);
        registry.revoke(uids, "all");
        equal(vm.getRecordedLogs().length, 3);
        for (uint256 i = 0; i < 3; ++i) holds(items[i], NOW, true);
    }

    function test_RefusesARevocationWithoutASignature() external {
        bytes32 uid = attest(sample());
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, issuer, relayer));
        vm.prank(relayer);
        registry.revokeSigned(issuer, one(uid), "", DEADLINE, "");
        holds(sample(), NOW, false);
    }

    function testFuzz_ARevocationCountsUntilItsDeadline(uint40 deadline, uint40 time) external {
        bytes32 uid = attest(sample());
        time = uint40(within(time, 1, type(uint40).max));
        vm.warp(time);
        bytes memory signature = signedRevocation(one(uid), "", deadline);
        if (time > deadline) {
            vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, deadline));
        }
        registry.revokeSigned(issuer, one(uid), "", deadline, signature);
        holds(sample(), NOW, time <= deadline);
    }

    function test_TheDeadlineIsTheLastSecond() external {
        bytes32 uid = attest(sample());
        bytes memory signature = signedRevocation(one(uid), "", DEADLINE);
        vm.warp(uint256(DEADLINE) + 1);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, DEADLINE));
        registry.revokeSigned(issuer, one(uid), "", DEADLINE, signature);
        vm.warp(DEADLINE);
        registry.revokeSigned(issuer, one(uid), "", DEADLINE, signature);
        holds(sample(), NOW, true);
    }

    function test_RevokesWhatTheIssuerSigned() external {
        testFuzz_RevokesWhatTheIssuerSigned("fraud", relayer);
    }

    function testFuzz_RevokesWhatTheIssuerSigned(string memory reason, address sender) public {
        bytes32 uid = attest(sample());
        bytes memory signature = signedRevocation(one(uid), reason, DEADLINE);
        expectRevoked(uid, reason);
        vm.prank(sender);
        registry.revokeSigned(issuer, one(uid), reason, DEADLINE, signature);
        holds(sample(), NOW, true);
    }

    function testFuzz_ARelayerCannotChangeARevocation(uint256 field, uint256 by) external {
        Attestation[] memory items = many(2);
        bytes32[] memory uids = new bytes32[](2);
        for (uint256 i = 0; i < 2; ++i) uids[i] = attest(items[i]);
        bytes memory signature = signedRevocation(one(uids[0]), "why", DEADLINE);
        address attester = issuer;
        bytes32[] memory list = one(uids[0]);
        string memory reason = "why";
        uint40 deadline = DEADLINE;
        field %= 5;
        if (field == 0) list = one(uids[1]);
        else if (field == 1) list = uids;
        else if (field == 2) reason = by % 2 == 0 ? "" : "why not";
        else if (field == 3) deadline += uint40(within(by, 1, 1e9));
        else attester = address(0xE15E);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, attester));
        vm.prank(relayer);
        registry.revokeSigned(attester, list, reason, deadline, signature);
        for (uint256 i = 0; i < 2; ++i) holds(items[i], NOW, false);
    }

    function refusesUnknown(bytes32 uid) private {
        refuses(uid, abi.encodeWithSelector(IAttestationRegistry.NotRecorded.selector, uid));
    }

    function revokes(Attestation memory a, string memory reason) private {
        bytes32 uid = attest(a);
        expectRevoked(uid, reason);
        vm.prank(issuer);
        registry.revoke(one(uid), reason);
        holds(a, NOW, true);
    }

    /// Directly and under a signature.
    function refuses(bytes32 uid, bytes memory error_) private {
        bytes memory signature = signedRevocation(one(uid), "", DEADLINE);
        vm.expectRevert(error_);
        vm.prank(issuer);
        registry.revoke(one(uid), "");
        vm.expectRevert(error_);
        registry.revokeSigned(issuer, one(uid), "", DEADLINE, signature);
    }
}
