// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation, Statement} from "../../contracts/types/Attestation.sol";
import {Record} from "../../contracts/types/Record.sol";
import {Packing} from "./support/Packing.sol";
import {Spec} from "./support/Spec.sol";
import {Trees} from "./support/Trees.sol";
import {vm} from "./support/Vm.sol";
import {Answering, MAGIC} from "./support/Wallets.sol";

/// Ways to forge, double, lose or revive an attestation, and to leave ETH behind: none works.
contract AttacksSpec is Spec {
    /// Precompiles answer calls, and nobody holds their keys. The zero address is what ecrecover returns on failure.
    function test_NobodySpeaksForThePrecompilesOrTheZeroAddress() external {
        for (uint160 low = 0; low <= 0x12; ++low) refusesToSpeakFor(address(low), hex"00");
        refusesToSpeakFor(address(0x100), hex"00");
        refusesToSpeakFor(address(0), new bytes(65));
    }

    function testFuzz_NobodySpeaksForThePrecompiles(uint8 low, bytes calldata signature) external {
        vm.assume(signature.length != 0);
        refusesToSpeakFor(address(uint160(low % 0x13)), signature);
    }

    function test_NobodySpeaksForTheRegistriesThemselves() external {
        refusesToSpeakFor(address(registry), hex"00");
        refusesToSpeakFor(address(schemas), hex"00");
        refusesToSpeakFor(address(vm), hex"00");
    }

    /// Bits beyond a field's type would make two encodings of one statement, or a statement that nobody can repeat.
    function testFuzz_RefusesBitsBeyondAFieldsType(uint256 field, uint256 bit) external {
        field %= 4;
        uint256 word = [uint256(1), 2, 4, 5][field];
        uint256 size = [uint256(160), 160, 40, 1][field];
        Attestation memory a = sample();
        bytes memory whole = abi.encodeCall(IAttestationRegistry.attest, (a));
        call(issuer, 0, whole, true);

        a.salt = "another";
        whole = abi.encodeCall(IAttestationRegistry.attest, (a));
        uint256 head = 4 + 32 + 32 * word + 32;
        bytes32 flip = bytes32(1 << within(bit, size, 255));
        assembly {
            let place := add(whole, head)
            mstore(place, xor(mload(place), flip))
        }
        equal(call(issuer, 0, whole, false), "");
        nothingIsKnownOf(uidOf(a));
    }

    /// Of a wallet that agrees to whatever it is asked, so that no signature stands in the way.
    function testFuzz_RefusesBitsBeyondAFieldsTypeAlsoWhereTheyAreSigned(
        uint256 field,
        uint256 bit
    ) external {
        field %= 4;
        uint256 word = [uint256(1), 2, 4, 5][field];
        uint256 size = [uint256(160), 160, 40, 1][field];
        Attestation memory a = sample();
        a.attester = address(new Answering(abi.encode(MAGIC)));
        bytes memory attesting = abi.encodeCall(IAttestationRegistry.attestSigned, (a, hex"00"));
        bytes memory sealing = abi.encodeCall(IAttestationRegistry.sealSigned, (a, hex"00"));
        bytes memory anchoring = abi.encodeCall(IAttestationRegistry.anchorSigned, (bodiless(a), hex"00"));
        bytes32 flip = bytes32(1 << within(bit, size, 255));
        // An attestation lies behind its place and that of the signature, a statement before.
        for (uint256 i = 0; i < 2; ++i) {
            equal(
                call(relayer, 0, flipped(attesting, 4 + 64 + 32 * word, flip), i == 1),
                i == 0 ? bytes("") : abi.encode(uidOf(a))
            );
            equal(
                call(relayer, 0, flipped(sealing, 4 + 64 + 32 * word, flip), i == 1),
                i == 0 ? bytes("") : abi.encode(uidOf(a))
            );
            (uint8 level, , , , , ) = registry.rootOf(a.attester, schema, uidOf(a));
            equal(level, i == 0 ? 0 : SEALED);
            equal(
                call(relayer, 0, flipped(anchoring, 4 + 32 * word, flip), i == 1),
                i == 0 ? bytes("") : abi.encode(uidOf(a))
            );
            flip = 0;
        }
    }

    function testFuzz_RefusesCutCalldata(uint256 length) external {
        Attestation memory a = sample();
        bytes[3] memory calls = [
            abi.encodeCall(IAttestationRegistry.attest, (a)),
            abi.encodeCall(IAttestationRegistry.sealSigned, (a, signed(uidOf(a)))),
            abi.encodeCall(IAttestationRegistry.anchorSigned, (bodiless(a), signed(uidOf(a))))
        ];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory whole = calls[i];
            uint256 cut = within(length, 0, whole.length - 32);
            assembly {
                mstore(whole, cut)
            }
            call(issuer, 0, whole, false);
        }
        nothingIsKnownOf(uidOf(a));
        nothingIsKnownOfRoot(uidOf(a));
    }

    /// A batch whose bytes are followed by bytes that would complete it: the end of `items` is the end.
    function testFuzz_NeverReadsBeyondTheItems(uint256 cut) external {
        Batch memory batch = batchOf(issuer);
        bytes memory items = packed(sample());
        cut = within(cut, 1, items.length - 2);
        bytes memory rest = new bytes(cut);
        for (uint256 i = 0; i < cut; ++i) rest[i] = items[items.length - cut + i];
        bytes memory short = new bytes(items.length - cut);
        for (uint256 i = 0; i < short.length; ++i) short[i] = items[i];

        bytes memory data = abi.encodePacked(
            abi.encodeWithSelector(
                IAttestationRegistry.record.selector,
                batch,
                uint256(0x100),
                uint256(0xe0)
            ),
            uint256(0),
            uint256(short.length),
            short,
            rest
        );
        call(issuer, 0, data, false);
        // The same calldata with the whole length is well-formed: only the length stood between.
        assembly {
            let place := add(data, add(0x20, 0x104))
            mstore(place, mload(items))
        }
        call(issuer, 0, data, true);
        holds(sample(), NOW, false);
    }

    /// The things that an issuer signs are never mistaken for each other, nor a batch for one of another level.
    function testFuzz_OneKindOfSignatureIsNeverAnother(Attestation memory a, uint40 deadline) external {
        a = ours(a);
        a.revocable = true;
        deadline = uint40(within(deadline, NOW, type(uint40).max));
        bytes32[] memory uids = one(uidOf(a));
        Batch memory batch = batchOf(issuer);
        batch.deadline = deadline;
        bytes memory ofOne = signed(uids[0]);
        bytes memory ofBatch = signedBatch(batch, packed(a));
        bytes memory ofRevocation = signedRevocation(uids, "", deadline);
        bytes memory ofLeaves = signedLeafRevocation(uids[0], only(0), "", deadline);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer);

        vm.expectRevert(error_);
        registry.attestSigned(a, ofBatch);
        vm.expectRevert(error_);
        registry.attestSigned(a, ofRevocation);
        vm.expectRevert(error_);
        registry.record(batch, packed(a), ofOne);
        vm.expectRevert(error_);
        registry.record(batch, packed(a), ofRevocation);
        vm.expectRevert(error_);
        registry.record(batch, packed(a), ofLeaves);
        bytes[4] memory others = [ofOne, ofBatch, ofRevocation, ofLeaves];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(error_);
            registry.seal(batch, packed(a), others[i]);
            vm.expectRevert(error_);
            registry.anchor(batch, uids[0], 1, others[i]);
        }
        attest(a);
        vm.prank(issuer);
        registry.seal(batch, packed(a), "");
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(error_);
            registry.revokeLeaves(issuer, schema, uids[0], only(0), "", deadline, others[i]);
        }
        vm.expectRevert(error_);
        registry.revokeSigned(issuer, uids, "", deadline, ofLeaves);
        vm.expectRevert(error_);
        registry.revokeSigned(issuer, uids, "", deadline, ofOne);
        vm.expectRevert(error_);
        registry.revokeUnrecorded(one(bodiless(a)), "", deadline, ofBatch);
    }

    function testFuzz_NoOtherKindOfSignatureIsThatOfOneStatement(
        Attestation memory a,
        uint40 deadline
    ) external {
        a = ours(a);
        bytes32[] memory uids = one(uidOf(a));
        Batch memory batch = batchOf(issuer);
        batch.deadline = deadline;
        bytes[6] memory others = [
            signedBatch(batch, packed(a), RECORDED),
            signedBatch(batch, packed(a), SEALED),
            signedBatch(batch, packedAtLength(a), SEALED),
            signedAnchor(batch, uids[0], 1),
            signedRevocation(uids, "", deadline),
            signedLeafRevocation(uids[0], only(0), "", deadline)
        ];
        for (uint256 i = 0; i < 6; ++i) refusesForOne(a, others[i]);
        nothingIsKnownOfRoot(uids[0]);
    }

    /// A signature made for the hash itself, with the prefix of a personal message, is no signature of ours.
    function test_RefusesAPersonalMessageOverTheUid() external {
        Attestation memory a = sample();
        bytes32 digest = keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", uidOf(a)));
        bytes memory signature = signed(digest);
        refusesForOne(a, signature);
    }

    /// Nothing is signed as a batch without a deadline, not even by a wallet that agrees to everything.
    function testFuzz_ADeadlineOfZeroHasPassedAtEveryLevel(bytes32 stream, uint64 position) external {
        address[2] memory attesters = [issuer, address(new Answering(abi.encode(MAGIC)))];
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.DeadlinePassed.selector, 0);
        for (uint256 i = 0; i < 2; ++i) {
            Attestation memory a = sample();
            a.attester = attesters[i];
            bytes32 uid = uidOf(a);
            Batch memory batch = Batch(a.attester, schema, stream, position, 0);
            bytes[4] memory signatures = [
                signed(uid),
                signedBatch(batch, packed(a), RECORDED),
                signedBatch(batch, packed(a), SEALED),
                signedAnchor(batch, uid, 1)
            ];
            for (uint256 j = 0; j < 4; ++j) {
                vm.expectRevert(error_);
                registry.record(batch, packed(a), signatures[j]);
                vm.expectRevert(error_);
                registry.seal(batch, packed(a), signatures[j]);
                vm.expectRevert(error_);
                registry.anchor(batch, uid, 1, signatures[j]);
            }
            nothingIsKnownOf(uid);
            (uint8 level, , , , , ) = registry.rootOf(a.attester, schema, uid);
            equal(level, 0);
        }
    }

    /// Whoever runs ahead with the issuer's own signature does the issuer's work, and breaks no later call.
    function test_RunningAheadBreaksNothing() external {
        Attestation[] memory items = many(3);
        Batch memory batch = batchOf(issuer);
        bytes memory signature = signedBatch(batch, Packing.pack(items));
        bytes memory ofFirst = signed(uidOf(items[0]));
        registry.attestSigned(items[0], ofFirst);
        equal(registry.record(batch, Packing.pack(items), signature), 2);
        attest(items[1]);
        for (uint256 i = 0; i < 3; ++i) holds(items[i], NOW, false);
    }

    function test_RunningAheadOfASealOrAnAnchorBreaksNothing() external {
        Batch memory batch = batchOf(issuer);
        for (uint256 count = 1; count < 3; ++count) {
            Attestation[] memory items = many(count);
            items[0].ref = bytes32(count);
            bytes32 root = Trees.rootOf(uidsOf(items));
            bytes memory ofSeal = signedBatch(batch, Packing.pack(items), SEALED);
            bytes memory ofAnchor = signedAnchor(batch, root, uint40(count));
            anchorSigned(items[0]);
            registry.anchor(batch, root, uint40(count), ofAnchor);
            sealSigned(items[0]);
            equal(registry.seal(batch, Packing.pack(items), ofSeal), root);
            keeps(root, SEALED, NOW, count, false);
            provesAlone(items[0], true);
            proves(items, true);
        }
    }

    /// Nobody can take a slot that is not theirs by revoking a statement in another's name.
    function testFuzz_NobodyRevokesForAnother(address attacker, bytes32 salt) external {
        vm.assume(attacker != issuer && attacker != address(0));
        Attestation memory a = sample();
        a.salt = salt;
        Statement memory s = bodiless(a);
        vm.prank(attacker);
        vm.expectRevert(abi.encodeWithSelector(IAttestationRegistry.NotAttester.selector, issuer, attacker));
        registry.revokeUnrecorded(one(s), "", DEADLINE, "");
        s.attester = attacker;
        vm.prank(attacker);
        registry.revokeUnrecorded(one(s), "", 0, "");
        attest(a);
        holds(a, NOW, false);
    }

    function test_ACopyOnAnotherChainHasAnotherUidAndIsNotValidHere() external {
        Attestation memory a = sample();
        bytes32 here = attest(a);
        vm.chainId(10);
        yes(registry.uidOf(a) != here, "another uid");
        equal(registry.isValid(a), false);
        equal(registry.isValid(registry.uidOf(a)), false);
        holdsUid(here);
    }

    function test_RefusesEthAndUnknownCalls() external {
        Attestation memory a = sample();
        bytes32[] memory uids = one(uidOf(a));
        bytes memory none = "";
        bytes[] memory calls = new bytes[](25);
        calls[0] = none;
        calls[1] = hex"deadbeef";
        calls[2] = abi.encodeCall(IAttestationRegistry.attest, (a));
        calls[3] = abi.encodeCall(IAttestationRegistry.attestSigned, (a, signed(uids[0])));
        calls[4] = abi.encodeCall(IAttestationRegistry.record, (batchOf(issuer), packed(a), none));
        calls[5] = abi.encodeCall(IAttestationRegistry.revokeUnrecorded, (one(bodiless(a)), "", 0, none));
        calls[6] = abi.encodeCall(IAttestationRegistry.revoke, (uids, ""));
        calls[7] = abi.encodeCall(
            IAttestationRegistry.revokeSigned,
            (issuer, uids, "", DEADLINE, signedRevocation(uids, "", DEADLINE))
        );
        calls[8] = abi.encodeWithSignature("isValid(bytes32)", uids[0]);
        calls[9] = abi.encodeCall(IAttestationRegistry.uidOf, (a));
        calls[10] = abi.encodeCall(IAttestationRegistry.attesterOf, (uids[0]));
        calls[11] = abi.encodeCall(IAttestationRegistry.recordOf, (uids[0]));
        calls[12] = abi.encodeCall(IAttestationRegistry.recordsOf, (uids));
        calls[13] = abi.encodeCall(IAttestationRegistry.schemaRegistry, ());
        calls[14] = abi.encodeWithSignature("eip712Domain()");
        calls[15] = abi.encodeCall(IAttestationRegistry.seal, (batchOf(issuer), packed(a), none));
        calls[16] = abi.encodeCall(IAttestationRegistry.anchor, (batchOf(issuer), "root", 2, none));
        calls[17] = abi.encodeCall(
            IAttestationRegistry.revokeLeaves,
            (issuer, schema, "root", only(0), "", DEADLINE, none)
        );
        calls[18] = abi.encodeCall(IAttestationRegistry.headOf, (issuer, 0));
        calls[19] = abi.encodeCall(IAttestationRegistry.rootOf, (issuer, schema, "root"));
        calls[20] = abi.encodeCall(IAttestationRegistry.standingOf, (issuer, schema, "root", uids[0]));
        calls[21] = abi.encodeCall(IAttestationRegistry.domainSeparator, ());
        calls[22] = abi.encodeCall(IAttestationRegistry.sealSigned, (a, signed(uids[0])));
        calls[23] = abi.encodeCall(IAttestationRegistry.anchorSigned, (bodiless(a), signed(uids[0])));
        calls[24] = abi.encodeCall(IAttestationRegistry.multicall, (new bytes[](0)));
        vm.deal(issuer, 100);
        for (uint256 i = 0; i < calls.length; ++i) {
            call(issuer, 1, calls[i], false);
            call(issuer, 0, calls[i], i > 1);
        }
        equal(address(registry).balance, 0);
        equal(issuer.balance, 100);
    }

    function test_TheSchemaRegistryRefusesEthAndUnknownCalls() external {
        vm.deal(issuer, 1);
        vm.prank(issuer);
        (bool taken, ) = address(schemas).call{value: 1}("");
        equal(taken, false);
        vm.prank(issuer);
        (taken, ) = address(schemas).call{value: 1}(
            abi.encodeCall(schemas.register, ("bool paid", address(0), true))
        );
        equal(taken, false);
        (taken, ) = address(schemas).call(hex"deadbeef");
        equal(taken, false);
    }

    function testFuzz_ReadsManySlotsAsTheyAre(bytes32[4] calldata unknown) external {
        Attestation[] memory items = many(4);
        bytes32[] memory uids = new bytes32[](8);
        for (uint256 i = 0; i < 4; ++i) (uids[2 * i], uids[2 * i + 1]) = (unknown[i], attest(items[i]));
        revoke(uids[1]);
        Record[] memory slots = registry.recordsOf(uids);
        equal(slots.length, 8);
        for (uint256 i = 0; i < 8; ++i) {
            equal(slots[i].isEmpty(), i % 2 == 0);
            if (i % 2 == 0) continue;
            equal(slots[i].attester(), issuer);
            equal(slots[i].recordedAt(), NOW);
            equal(slots[i].expiresAt(), items[0].expiresAt);
            equal(slots[i].isRevoked(), i == 1);
        }
        equal(registry.recordsOf(new bytes32[](0)).length, 0);
    }

    function refusesForOne(Attestation memory a, bytes memory signature) private {
        bytes memory error_ = abi.encodeWithSelector(
            IAttestationRegistry.InvalidSignature.selector,
            a.attester
        );
        vm.expectRevert(error_);
        registry.attestSigned(a, signature);
        vm.expectRevert(error_);
        registry.sealSigned(a, signature);
        vm.expectRevert(error_);
        registry.anchorSigned(bodiless(a), signature);
    }

    function refusesToSpeakFor(address nobody, bytes memory signature) private {
        Attestation memory a = sample();
        a.attester = nobody;
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, nobody);
        Batch memory batch = batchOf(nobody);
        vm.expectRevert(error_);
        registry.attestSigned{gas: 2_000_000}(a, signature);
        vm.expectRevert(error_);
        registry.record{gas: 2_000_000}(batch, packed(a), signature);
        vm.expectRevert(error_);
        registry.revokeSigned{gas: 2_000_000}(nobody, one(uidOf(a)), "", DEADLINE, signature);
        vm.expectRevert(error_);
        registry.seal{gas: 2_000_000}(batch, packed(a), signature);
        vm.expectRevert(error_);
        registry.anchor{gas: 2_000_000}(batch, "root", 2, signature);
        vm.expectRevert(error_);
        registry.revokeLeaves{gas: 2_000_000}(nobody, schema, "root", only(0), "", DEADLINE, signature);
        vm.expectRevert(error_);
        registry.sealSigned{gas: 2_000_000}(a, signature);
        vm.expectRevert(error_);
        registry.anchorSigned{gas: 2_000_000}(bodiless(a), signature);
        nothingIsKnownOf(uidOf(a));
        provesAlone(a, false);
    }

    /// A copy of the calldata in which the word at `place` is another one.
    function flipped(
        bytes memory whole,
        uint256 place,
        bytes32 flip
    ) private pure returns (bytes memory other) {
        other = bytes.concat(whole);
        assembly {
            let at_ := add(add(other, 0x20), place)
            mstore(at_, xor(mload(at_), flip))
        }
    }

    function holdsUid(bytes32 uid) private view {
        equal(registry.attesterOf(uid), issuer);
        equal(registry.isValid(uid), true);
    }

    function call(
        address sender,
        uint256 value,
        bytes memory data,
        bool want
    ) private returns (bytes memory answer) {
        bool ok;
        vm.prank(sender);
        (ok, answer) = address(registry).call{value: value}(data);
        equal(ok, want);
    }
}
