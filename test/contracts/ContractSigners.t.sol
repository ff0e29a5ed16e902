// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Digests} from "./support/Digests.sol";
import {Spec} from "./support/Spec.sol";
import {vm} from "./support/Vm.sol";
import {Answering, Burning, Curious, MAGIC, Reverting, Wallet, Writing} from "./support/Wallets.sol";

/// Issuers that are contracts (ERC-1271), and accounts that have both code and a key (EIP-7702).
contract ContractSignersSpec is Spec {
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function test_RefusesAWalletThatSaysNo() external {
        refuses(address(new Wallet()), hex"00");
        refuses(address(new Wallet()), new bytes(65));
        refuses(address(new Wallet()), "");
    }

    function test_RefusesAWrongAnswer() external {
        refuses(address(new Answering(abi.encode(bytes4(0x1626ba7f)))), hex"00");
        refuses(address(new Answering(abi.encode(true))), hex"00");
        refuses(address(new Answering(abi.encode(type(uint256).max))), hex"00");
        // The right four bytes, but not padded as the ABI says.
        refuses(address(new Answering(abi.encodePacked(MAGIC, uint224(1)))), hex"00");
        refuses(address(new Answering(abi.encode(uint32(MAGIC)))), hex"00");
    }

    function test_RefusesAnAnswerThatIsTooShort() external {
        bytes memory whole = abi.encode(MAGIC);
        for (uint256 length = 0; length < 32; ++length) {
            bytes memory answer = new bytes(length);
            for (uint256 i = 0; i < length; ++i) answer[i] = whole[i];
            refuses(address(new Answering(answer)), hex"00");
        }
    }

    function testFuzz_RefusesAnyOtherAnswer(bytes calldata answer) external {
        refuses(address(new Answering(answer)), hex"00");
    }

    function test_RefusesAWalletThatRevertsWithTheMagicValue() external {
        refuses(address(new Reverting()), hex"00");
    }

    function test_RefusesAWalletThatWritesWhileAsked() external {
        refuses(address(new Writing()), hex"00");
    }

    function test_AWalletThatBurnsAllGasCostsNoMoreThanTheCallWasGiven() external {
        Attestation memory a = madeBy(address(new Burning()));
        bytes memory error_ = invalid(a.attester);
        vm.expectRevert(error_);
        registry.attestSigned{gas: 3_000_000}(a, hex"00");
        Batch memory batch = batchOf(a.attester);
        vm.expectRevert(error_);
        registry.record{gas: 3_000_000}(batch, packed(a), hex"00");
        nothingIsKnownOf(uidOf(a));
    }

    function test_ALongAnswerIsNotCopied() external {
        Attestation memory a = madeBy(
            address(new Answering(bytes.concat(abi.encode(MAGIC), new bytes(20_000))))
        );
        registry.attestSigned(a, hex"00");
        holds(a, NOW, false);
    }

    function test_AcceptsSignaturesOfAnyLength() external {
        for (uint256 length = 1; length < 70; ++length) accepts(new bytes(length));
        accepts(new bytes(1000));
    }

    function testFuzz_AcceptsSignaturesOfAnyLength(bytes calldata signature) external {
        vm.assume(signature.length != 0);
        accepts(signature);
    }

    /// A Safe whose owners approved the digest on chain answers to the empty signature, and to no other.
    function test_AcceptsTheEmptySignatureOfAWalletThatApprovedOnChain() external {
        accepts("");
    }

    function test_AWalletSendsForItself() external {
        Attestation memory a = madeBy(address(new Wallet()));
        attest(a);
        holds(a, NOW, false);
    }

    function test_AWalletReadsNothingThatIsNotYetSo() external {
        Attestation memory a = madeBy(address(new Curious()));
        expectAttested(a);
        registry.attestSigned(a, hex"00");
        holds(a, NOW, false);

        a.salt = "batch";
        Batch memory batch = batchOf(a.attester);
        bytes memory signature = abi.encode(uidOf(a));
        equal(registry.record(batch, packed(a), signature), 1);
        holds(a, NOW, false);
        // The wallet does look: it refuses as soon as the uid is valid.
        vm.expectRevert(invalid(a.attester));
        registry.record(batch, packed(a), signature);
    }

    function test_AnAccountWithCodeKeepsItsKey() external {
        Attestation memory a = sample();
        Batch memory batch = batchOf(issuer);
        vm.etch(issuer, type(Wallet).runtimeCode);
        registry.attestSigned(a, signed(uidOf(a)));
        holds(a, NOW, false);
        a.salt = "batch";
        equal(registry.record(batch, packed(a), signedBatch(batch, packed(a))), 1);
    }

    function test_AnAccountWithCodeAlsoSignsByItsCode() external {
        Attestation memory a = sample();
        vm.etch(issuer, type(Wallet).runtimeCode);
        refuses(issuer, new bytes(65));
        Wallet(issuer).accept(uidOf(a), hex"c0de");
        registry.attestSigned(a, hex"c0de");
        holds(a, NOW, false);
    }

    function test_AnAccountWithDelegatedCodeKeepsItsKey() external {
        vm.etch(issuer, abi.encodePacked(hex"ef0100", address(new Wallet())));
        Attestation memory a = sample();
        registry.attestSigned(a, signed(uidOf(a)));
        holds(a, NOW, false);
    }

    function testFuzz_RefusesAMalleatedSignature(Attestation memory a) external {
        a = ours(a);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ISSUER_KEY, uidOf(a));
        bytes32 high = bytes32(ORDER - uint256(s));
        yes(uint256(high) > HALF_ORDER, "high");
        refusesIssuer(a, abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27)));
        refusesIssuer(a, abi.encodePacked(r, high, v));
        refusesIssuer(a, abi.encodePacked(r, s, v - 27));
        refusesIssuer(a, abi.encodePacked(r, s, v, hex"00"));
        refusesIssuer(a, abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255))));
    }

    function refuses(address wallet, bytes memory signature) private {
        Attestation memory a = madeBy(wallet);
        vm.expectRevert(invalid(wallet));
        registry.attestSigned(a, signature);
        nothingIsKnownOf(uidOf(a));
        if (signature.length == 0) return;

        Batch memory batch = batchOf(wallet);
        vm.expectRevert(invalid(wallet));
        registry.record(batch, packed(a), signature);
        vm.expectRevert(invalid(wallet));
        registry.revokeUnrecorded(one(bodiless(a)), "", DEADLINE, signature);
        nothingIsKnownOf(uidOf(a));
    }

    function refusesIssuer(Attestation memory a, bytes memory signature) private {
        vm.expectRevert(invalid(issuer));
        registry.attestSigned(a, signature);
    }

    function accepts(bytes memory signature) private {
        Wallet wallet = new Wallet();
        Attestation memory a = madeBy(address(wallet));
        bytes32 uid = uidOf(a);
        wallet.accept(uid, signature);
        expectAttested(a);
        equal(registry.attestSigned(a, signature), uid);
        holds(a, NOW, false);

        a.salt = "batch";
        Batch memory batch = batchOf(address(wallet));
        wallet.accept(Digests.batch(address(registry), batch, packed(a)), signature);
        equal(registry.record(batch, packed(a), signature), 1);
        holds(a, NOW, false);

        bytes32[] memory uids = one(uidOf(a));
        wallet.accept(
            Digests.revocation(address(registry), address(wallet), uids, "why", DEADLINE),
            signature
        );
        registry.revokeSigned(address(wallet), uids, "why", DEADLINE, signature);
        holds(a, NOW, true);
    }

    function madeBy(address attester) private view returns (Attestation memory a) {
        a = sample();
        a.attester = attester;
    }

    function invalid(address attester) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, attester);
    }
}
