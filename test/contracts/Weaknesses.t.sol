// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {IssuerAllowList} from "../../contracts/resolvers/IssuerAllowList.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {ANCHOR, RECORD, SEAL} from "../../contracts/types/Batch.sol";
import {Head} from "../../contracts/types/Head.sol";
import {Record} from "../../contracts/types/Record.sol";
import {Digests} from "./support/Digests.sol";
import {Packing} from "./support/Packing.sol";
import {Registries} from "./support/Registries.sol";
import {ResolverSpec} from "./support/ResolverSpec.sol";
import {vm, Vm} from "./support/Vm.sol";
import {Wallet} from "./support/Wallets.sol";
import {Witness} from "./support/HostileResolvers.sol";

/// Each a known weakness of the Ethereum Attestation Service, and what happens here instead.
contract WeaknessesOfEasSpec is ResolverSpec {
    /// EAS: identical items double.
    function test_IdenticalItemsDoNotDouble() external {
        Attestation[] memory items = many(3);
        items[1] = items[2] = items[0];
        vm.recordLogs();
        equal(abi.decode(send(2, items, 0), (uint256)), 1);
        equal(vm.getRecordedLogs().length, 1);
        holds(items[0], NOW, false);
    }

    /// EAS: an empty batch with value locks the ETH.
    function test_AnEmptyBatchWithValueLocksNoEth() external {
        names(address(new Witness()));
        Attestation[] memory none = new Attestation[](0);
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector);
        Batch memory batch = judgedBatch(issuer, 0, 0);
        bytes memory packed_ = Packing.pack(none);
        equal(send(issuer, 1, abi.encodeCall(registry.record, (batch, packed_, "")), false), error_);
        equal(send(issuer, 1, abi.encodeCall(registry.seal, (batch, packed_, "")), false), error_);
        equal(issuer.balance, 1);
    }

    /// EAS: isAttestationValid is true for what is revoked or has expired.
    function test_WhatIsRevokedOrHasExpiredIsNotValid() external {
        Attestation[] memory items = many(2);
        send(2, items, 0);
        revoke(uidOf(items[0]));
        equal(registry.isValid(uidOf(items[0])), false);
        equal(registry.isValid(items[0]), false);
        equal(registry.isValid(uidOf(items[1])), true);
        vm.warp(items[1].expiresAt);
        equal(registry.isValid(uidOf(items[1])), false);
        equal(registry.isValid(items[1]), false);
    }

    /// EAS: contracts sign with 65 bytes or not at all.
    function test_ContractsSignWithAsManyBytesAsTheyLike() external {
        Wallet wallet = new Wallet();
        Batch memory batch = batchOf(address(wallet));
        uint256[4] memory lengths = [uint256(0), 64, 130, 1000];
        for (uint256 i = 0; i < 4; ++i) {
            Attestation[] memory items = many(1);
            (items[0].attester, items[0].salt) = (address(wallet), bytes32(i));
            bytes memory packed_ = Packing.pack(items);
            bytes memory signature = new bytes(lengths[i]);
            wallet.accept(Digests.batch(address(registry), batch, packed_), signature);
            vm.prank(relayer);
            equal(registry.record(batch, packed_, signature), 1);
        }
    }

    /// EAS: one signature per item, with nonces in sequence.
    function test_OneSignatureCoversABatchAndSignaturesLandInAnyOrder() external {
        Attestation[] memory all = many(6);
        bytes[] memory calls = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) {
            Attestation[] memory two = new Attestation[](2);
            (two[0], two[1]) = (all[2 * i], all[2 * i + 1]);
            calls[i] = callOf(3, two, 0);
        }
        for (uint256 i = 3; i > 0; --i) send(relayer, 0, calls[i - 1], true);
        for (uint256 i = 0; i < 6; ++i) holds(all[i], NOW, false);
    }

    /// EAS: events without the data.
    function test_TheEventAloneSaysEverythingThatTheUidIsMadeOf() external {
        vm.recordLogs();
        bytes32 uid = attest(sample());
        Vm.Log memory log = vm.getRecordedLogs()[0];
        Attestation memory a;
        a.attester = address(uint160(uint256(log.topics[2])));
        a.recipient = address(uint160(uint256(log.topics[3])));
        (a.schema, a.ref, a.expiresAt, a.revocable, a.salt, a.data) = abi.decode(
            log.data,
            (bytes32, bytes32, uint40, bool, bytes32, bytes)
        );
        equal(uidOf(a), uid);
        equal(log.topics[1], uid);
    }

    /// EAS: attesting costs more the longer the text of the schema is.
    function test_GasDoesNotGrowWithTheTextOfTheSchema() external {
        bytes memory text = new bytes(schemas.MAX_DEFINITION_LENGTH());
        for (uint256 i = 0; i < text.length; ++i) text[i] = "x";
        Attestation memory short = sample();
        short.schema = schemas.register("x", address(0), true);
        Attestation memory long = sample();
        long.schema = schemas.register(string(text), address(0), true);
        attest(sample());
        equal(gasOf(short), gasOf(long));
    }

    /// EAS: uids of two deployments can be equal.
    function test_TwoDeploymentsNeverShareAUid() external {
        bytes32 uid = registry.uidOf(sample());
        yes(uid != Registries.newRegistry(schemas).uidOf(sample()), "another registry");
        vm.chainId(10);
        yes(uid != registry.uidOf(sample()), "another chain");
    }

    function gasOf(Attestation memory a) private returns (uint256 gas) {
        vm.prank(issuer);
        gas = gasleft();
        registry.attest(a);
        gas -= gasleft();
    }
}

/// Each a known weakness of Sign Protocol.
contract WeaknessesOfSignSpec is ResolverSpec {
    /// Sign: delegated signatures replay without limit.
    function test_ASignatureReplaysIntoNothing() external {
        Attestation[] memory items = many(3);
        for (uint256 way = 1; way < ALL_WAYS; way += 2) {
            bytes memory call = callOf(way, items, 0);
            send(relayer, 0, call, true);
            vm.recordLogs();
            for (uint256 i = 0; i < 3; ++i) send(relayer, 0, call, true);
            silent();
        }
    }

    /// Sign: they replay on other deployments, too.
    function test_ASignatureReplaysOnNoOtherDeployment() external {
        Attestation[] memory items = many(1);
        bytes[5] memory calls = [
            callOf(1, items, 0),
            callOf(3, items, 0),
            callOf(5, items, 0),
            callOf(7, items, 0),
            abi.encodeCall(registry.anchorSigned, (bodiless(items[0]), signed(uidOf(items[0]))))
        ];
        bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer);
        IAttestationRegistry here = registry;
        registry = Registries.newRegistry(schemas);
        for (uint256 i = 0; i < 3; ++i) equal(send(relayer, 0, calls[i], false), error_);
        registry = here;
        vm.chainId(10);
        for (uint256 i = 0; i < 3; ++i) equal(send(relayer, 0, calls[i], false), error_);
    }

    /// Sign: a relayer can change fields that are not signed. Here none is not.
    function testFuzz_ARelayerCanChangeNothing(uint256 way, uint256 place, uint8 flip) external {
        vm.assume(flip != 0);
        way = 1 + 2 * (way % 4);
        Attestation[] memory items = many(2);
        bytes memory call = callOf(way, items, 0);
        place = within(place, 4, call.length - 1);
        call[place] ^= bytes1(flip);
        vm.prank(relayer);
        (bool ok, ) = address(registry).call(call);
        // Padding may be anything; what was said is what was signed, or nothing was.
        bool said = registry.isValid(uidOf(items[0]));
        (uint8 level, , , , , ) = registry.rootOf(issuer, schema, rootOf(saidBy(way, items)));
        equal(ok, said || level == SEAL);
    }

    /// Sign: surplus ETH is kept.
    function test_NoSurplusEthIsKept() external {
        for (uint256 way = 0; way < ALL_WAYS; ++way) {
            bytes memory error_ = abi.encodeWithSelector(IAttestationRegistry.ValueWithoutResolver.selector);
            refuses(way, many(1), 1 ether, error_);
        }
        Witness witness = new Witness();
        names(address(witness));
        for (uint256 way = 0; way < ALL_WAYS; ++way) {
            Attestation[] memory items = judgedOnes(1);
            items[0].salt = bytes32(way);
            send(way, items, 1 ether);
        }
        equal(address(witness).balance, ALL_WAYS * 1 ether);
    }

    /// Sign: ids are a sequence, so that whoever tries again attests again.
    function test_WhoeverTriesAgainAttestsOnce() external {
        Attestation[] memory items = many(1);
        vm.recordLogs();
        for (uint256 way = 0; way < 4; ++way) send(way, items, 0);
        equal(vm.getRecordedLogs().length, 1);
        holds(items[0], NOW, false);
    }
}

/// Each a known weakness of Verax.
contract WeaknessesOfVeraxSpec is ResolverSpec {
    /// Verax: a portal can name any attester.
    function test_NobodyNamesAnAttesterWhoDidNotSign() external {
        bytes memory error_ = abi.encodeWithSelector(
            IAttestationRegistry.NotAttester.selector,
            issuer,
            relayer
        );
        for (uint256 way = 0; way < WAYS; way += 2) {
            equal(send(relayer, 0, callOf(way, many(1), 0), false), error_);
        }
        Batch memory batch = batchOf(issuer);
        bytes memory call = abi.encodeCall(registry.anchor, (batch, "root", 2, ""));
        equal(send(relayer, 0, call, false), error_);
        // By its own signature a statement is said by nobody but who signed it, the sender neither.
        error_ = abi.encodeWithSelector(IAttestationRegistry.InvalidSignature.selector, issuer);
        bytes[2] memory signatures = [bytes(""), signedBy(ISSUER_KEY + 1, uidOf(sample()))];
        for (uint256 i = 0; i < 2; ++i) {
            call = abi.encodeCall(registry.attestSigned, (sample(), signatures[i]));
            equal(send(relayer, 0, call, false), error_);
            call = abi.encodeCall(registry.sealSigned, (sample(), signatures[i]));
            equal(send(relayer, 0, call, false), error_);
            call = abi.encodeCall(registry.anchorSigned, (bodiless(sample()), signatures[i]));
            equal(send(relayer, 0, call, false), error_);
        }
    }

    /// Verax: issuers are let in by an owner. Here everybody is one, unless who made the schema wanted it otherwise.
    function testFuzz_EverybodyIsAnIssuer(address anybody) external {
        vm.assume(anybody != address(0));
        Attestation memory a = sample();
        a.attester = anybody;
        attest(a);
        holds(a, NOW, false);

        names(deployed("IssuerAllowList.sol:IssuerAllowList", abi.encode(registry, address(this))));
        a.schema = judged;
        vm.expectRevert(abi.encodeWithSelector(IssuerAllowList.IssuerNotAllowed.selector, anybody));
        attest(a);
    }

    /// Verax: the check of the index on chain is inverted, so that it takes what is there and refuses what is not. Here
    /// nothing is to be indexed by another call: the slot is the index.
    function test_WhatWasAttestedIsFoundWithoutAnotherCall() external {
        bytes32[] memory uids = new bytes32[](2);
        uids[0] = attest(sample());
        uids[1] = "never attested";
        Record[] memory slots = registry.recordsOf(uids);
        equal(slots[0].isEmpty(), false);
        equal(slots[1].isEmpty(), true);
        equal(registry.attesterOf(uids[0]), issuer);
    }
}

/// What none of the others has. That data is what its schema says is for the tooling to check, as no chain does:
/// test/schema and test/admission.
contract WeaknessesOfAllSpec is ResolverSpec {
    bytes32 private constant STREAM = "stream";

    /// All: nothing can be sent again without harm.
    function test_SendingAgainIsHarmlessAtEveryEntry() external {
        Attestation[] memory items = many(3);
        Batch memory batch = batchOf(issuer);
        bytes memory anchoring = abi.encodeCall(registry.anchor, (batch, "root", 5, ""));
        for (uint256 way = 0; way < ALL_WAYS; ++way) send(way, items, 0);
        send(issuer, 0, anchoring, true);
        anchorSigned(items[1]);
        revoke(uidOf(items[0]));
        vm.warp(NOW + 1);
        vm.recordLogs();
        for (uint256 way = 0; way < ALL_WAYS; ++way) send(way, items, 0);
        send(issuer, 0, anchoring, true);
        anchorSigned(items[1]);
        revoke(uidOf(items[0]));
        silent();
        holds(items[0], NOW, true);
        holds(items[1], NOW, false);
    }

    /// All: no order. Here a stream says in which one, and refuses what comes too early or too late.
    function test_AStreamKeepsTheOrderInWhichItWasSaid() external {
        Attestation[] memory all = many(2);
        bytes memory first = appendCall(RECORD, 0, one(all[0]));
        bytes memory second = appendCall(RECORD, 1, one(all[1]));
        bytes memory early = abi.encodeWithSelector(IAttestationRegistry.StreamMoved.selector, STREAM, 1, 0);
        bytes memory late = abi.encodeWithSelector(IAttestationRegistry.StreamMoved.selector, STREAM, 0, 2);

        equal(send(relayer, 0, second, false), early);
        send(relayer, 0, first, true);
        send(relayer, 0, second, true);
        equal(send(relayer, 0, first, false), late);
        bytes32 hash = keccak256(abi.encodePacked(bytes32(0), uidOf(all[0])));
        hash = keccak256(abi.encodePacked(hash, uidOf(all[1])));
        equal(registry.headOf(issuer, STREAM).hash, hash);
    }

    /// All: no completeness. Here whoever leaves out, adds or swaps anything gets another head than the chain has.
    function testFuzz_AHeadIsThatOfExactlyWhatWasSaid(uint256 tampering, uint256 at_) external {
        Attestation[] memory all = many(6);
        bytes32[] memory said = new bytes32[](5);
        for (uint256 i = 0; i < 5; ++i) said[i] = uidOf(all[i]);
        send(relayer, 0, appendCall(RECORD, 0, many(2)), true);
        Attestation[] memory three = new Attestation[](3);
        for (uint256 i = 0; i < 3; ++i) three[i] = all[i + 2];
        send(relayer, 0, appendCall(SEAL, 2, three), true);
        Head memory head = registry.headOf(issuer, STREAM);
        equal(head.count, 5);
        equal(head.hash, replay(said));

        at_ %= 4;
        bytes32[] memory other = new bytes32[](
            tampering % 3 == 0
                ? 4
                : tampering % 3 == 1
                    ? 6
                    : 5
        );
        for (uint256 i = 0; i < other.length; ++i) other[i] = said[i % 5];
        if (other.length == 4) for (uint256 i = at_; i < 4; ++i) other[i] = said[i + 1];
        else if (other.length == 6) other[5] = uidOf(all[5]);
        else (other[at_], other[at_ + 1]) = (other[at_ + 1], other[at_]);
        yes(replay(other) != head.hash, "it shows");
    }

    /// An anchored root is one link with its count: what is in it is for its issuer to show.
    function test_AnAnchorIsCompleteAsOne() external {
        send(relayer, 0, appendCall(ANCHOR, 0, many(3)), true);
        bytes32 hash = keccak256(abi.encode(bytes32(0), rootOf(many(3)), 3));
        equal(registry.headOf(issuer, STREAM).hash, hash);
        equal(registry.headOf(issuer, STREAM).count, 3);
    }

    function replay(bytes32[] memory uids) private pure returns (bytes32 hash) {
        for (uint256 i = 0; i < uids.length; ++i) hash = keccak256(abi.encodePacked(hash, uids[i]));
    }

    function appendCall(
        uint8 level,
        uint64 position,
        Attestation[] memory items
    ) private view returns (bytes memory) {
        Batch memory batch = Batch(issuer, schema, STREAM, position, DEADLINE);
        bytes memory content =
            level == ANCHOR ? abi.encodePacked(rootOf(items), uint40(items.length)) : Packing.pack(items);
        bytes memory signature = signed(Digests.batch(address(registry), batch, content, level, 0));
        if (level == RECORD) return abi.encodeCall(registry.record, (batch, content, signature));
        if (level == SEAL) return abi.encodeCall(registry.seal, (batch, content, signature));
        return abi.encodeCall(registry.anchor, (batch, rootOf(items), uint40(items.length), signature));
    }
}
