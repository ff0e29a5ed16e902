// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Items} from "../../contracts/types/Items.sol";
import {Packing} from "./support/Packing.sol";
import {Spec} from "./support/Spec.sol";
import {vm} from "./support/Vm.sol";

/// Many attestations in one call, sent by their issuer.
contract RecordBatchSpec is Spec {
    function test_RefusesAnEmptyBatch() external {
        refuses(hex"0000", abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector));
        refuses(hex"0000aabbcc", abi.encodeWithSelector(IAttestationRegistry.EmptyBatch.selector));
    }

    function test_RefusesItemsWithoutACount() external {
        refuses("", malformed(0));
        refuses(hex"00", malformed(0));
    }

    function test_RefusesACountLargerThanItsItems() external {
        bytes memory items = Packing.pack(many(3));
        items[1] = 0x04;
        refuses(items, malformed(items.length));
        items[0] = 0xff;
        refuses(items, malformed(items.length));
    }

    function test_RefusesACountSmallerThanItsItems() external {
        bytes memory items = Packing.pack(many(3));
        uint256 third = Packing.pack(many(2)).length;
        items[1] = 0x02;
        refuses(items, malformed(third));
    }

    function test_RefusesTrailingBytes() external {
        bytes memory items = Packing.pack(many(2));
        refuses(bytes.concat(items, hex"00"), malformed(items.length));
    }

    function testFuzz_RefusesTrailingBytes(bytes calldata more) external {
        vm.assume(more.length != 0);
        bytes memory items = Packing.pack(many(2));
        refuses(bytes.concat(items, more), malformed(items.length));
    }

    function test_RefusesEveryTruncation() external {
        bytes memory items = Packing.pack(many(2));
        uint256 second = packed(many(1)[0]).length;
        for (uint256 length = 2; length < items.length; ++length) {
            bytes memory cut = Packing.pack(new Attestation[](2));
            cut = new bytes(length);
            for (uint256 i = 0; i < length; ++i) cut[i] = items[i];
            refuses(cut, malformed(length < second ? 2 : second));
        }
    }

    function testFuzz_RefusesUnknownFlags(uint256 flags) external {
        bytes memory items = Packing.pack(many(1));
        items[2] = bytes1(uint8(within(flags, 64, 255)));
        refuses(items, malformed(2));
    }

    function test_RefusesAllWhenOneItemIsBad() external {
        Attestation[] memory items = many(3);
        items[2].revocable = true;
        items[0].revocable = items[1].revocable = false;
        Batch memory batch = batchOf(issuer);
        batch.schema = firmSchema;
        refuses(
            batch,
            Packing.pack(items),
            abi.encodeWithSelector(IAttestationRegistry.SchemaIrrevocable.selector, firmSchema)
        );
        for (uint256 i = 0; i < 3; ++i) {
            items[i].schema = firmSchema;
            nothingIsKnownOf(uidOf(items[i]));
        }
    }

    function testFuzz_RefusesAnotherPositionThanTheEndOfTheStream(bytes32 stream, uint64 position) external {
        Batch memory batch = batchOf(issuer);
        (batch.stream, batch.position) = (stream, position);
        vm.assume(position != 0);
        bytes memory error_ = abi.encodeWithSelector(
            IAttestationRegistry.StreamMoved.selector,
            stream,
            position,
            0
        );
        refuses(batch, packed(sample()), error_);
    }

    function test_RefusesAnUnknownSchemaAndAResolverWithoutCode() external {
        Batch memory batch = batchOf(issuer);
        batch.schema = "unknown";
        bytes memory error_ = abi.encodeWithSelector(
            IAttestationRegistry.UnknownSchema.selector,
            batch.schema
        );
        refuses(batch, packed(sample()), error_);
        batch.schema = resolverSchema;
        error_ = abi.encodeWithSelector(IAttestationRegistry.ResolverRefused.selector, RESOLVER);
        refuses(batch, packed(sample()), error_);
    }

    function test_RecordsABatchOfTheSender() external {
        records(many(1));
        vm.warp(NOW + 1);
        Attestation[] memory items = many(5);
        for (uint256 i = 0; i < 5; ++i) items[i].salt = keccak256(abi.encode(i));
        items[1].recipient = address(0);
        items[2].ref = 0;
        items[3].expiresAt = 0;
        items[4].revocable = false;
        (items[0].salt, items[1].data) = (0, "");
        records(items);
    }

    function testFuzz_RecordsABatchOfTheSender(Attestation[4] memory several) external {
        Attestation[] memory items = new Attestation[](4);
        for (uint256 i = 0; i < 4; ++i) {
            items[i] = ours(several[i]);
            items[i].salt = keccak256(abi.encode(items[i].salt, i));
        }
        records(items);
    }

    function test_IgnoresDeadlineAndSignatureOfASenderWhoIsTheAttester() external {
        Batch memory batch = batchOf(issuer);
        batch.deadline = 0;
        vm.prank(issuer);
        equal(registry.record(batch, packed(sample()), hex"00"), 1);
        holds(sample(), NOW, false);
    }

    function test_RecordsABatchOnce() external {
        Attestation[] memory items = many(3);
        records(items);
        vm.warp(NOW + 1);
        vm.recordLogs();
        equal(record(items), 0);
        silent();
        for (uint256 i = 0; i < 3; ++i) holds(items[i], NOW, false);
    }

    function test_SkipsWhatIsRecordedOrRevokedAlready() external {
        Attestation[] memory items = many(5);
        attest(items[1]);
        revoke(attest(items[3]));
        vm.warp(NOW + 1);
        expectAttested(items[0]);
        expectAttested(items[2]);
        expectAttested(items[4]);
        vm.recordLogs();
        equal(record(items), 3);
        equal(vm.getRecordedLogs().length, 3);
        for (uint256 i = 0; i < 5; ++i) {
            bool early = i == 1 || i == 3;
            holds(items[i], early ? NOW : NOW + 1, i == 3);
        }
    }

    function testFuzz_CountsEveryStatementOnceHoweverOftenItOccurs(uint256 picks) external {
        Attestation[] memory distinct = many(4);
        Attestation[] memory items = new Attestation[](12);
        uint256 seen;
        for (uint256 i = 0; i < 12; ++i) {
            uint256 pick = (picks >> (2 * i)) % 4;
            items[i] = distinct[pick];
            seen |= 1 << pick;
        }
        uint256 want = (seen & 1) + ((seen >> 1) & 1) + ((seen >> 2) & 1) + (seen >> 3);
        vm.recordLogs();
        equal(record(items), want);
        equal(vm.getRecordedLogs().length, want);
        equal(record(items), 0);
    }

    function test_ALongerEncodingIsTheSameStatement() external {
        Attestation memory a = sample();
        a.ref = a.salt = 0;
        a.recipient = address(0);
        a.expiresAt = 0;
        equal(record(one(a)), 1);
        Batch memory batch = batchOf(issuer);
        bytes memory items = bytes.concat(hex"0001", Packing.packItemAtLength(a));
        vm.prank(issuer);
        equal(registry.record(batch, items, ""), 0);
        holds(a, NOW, false);
    }

    function test_AttestAndRecordMeanTheSameStatement() external {
        Attestation memory a = sample();
        attest(a);
        equal(record(one(a)), 0);
        a.salt = 0;
        equal(record(one(a)), 1);
        vm.recordLogs();
        attest(a);
        silent();
    }

    function records(Attestation[] memory items) private {
        for (uint256 i = 0; i < items.length; ++i) expectAttested(items[i]);
        equal(record(items), items.length);
        for (uint256 i = 0; i < items.length; ++i) holds(items[i], block.timestamp, false);
    }

    function record(Attestation[] memory items) private returns (uint256) {
        vm.prank(issuer);
        return registry.record(batchOf(issuer), Packing.pack(items), "");
    }

    function refuses(bytes memory items, bytes memory error_) private {
        refuses(batchOf(issuer), items, error_);
    }

    function refuses(Batch memory batch, bytes memory items, bytes memory error_) private {
        vm.recordLogs();
        vm.expectRevert(error_);
        vm.prank(issuer);
        registry.record(batch, items, "");
    }

    function malformed(uint256 start) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Items.MalformedItems.selector, start);
    }
}
