// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Attestation, Encoded} from "../../contracts/types/Attestation.sol";
import {Items} from "../../contracts/types/Items.sol";
import {Check} from "./support/Check.sol";
import {Packing} from "./support/Packing.sol";
import {vm} from "./support/Vm.sol";

contract ItemsSpec is Check {
    using Items for bytes;

    function count(bytes calldata items) external pure returns (uint256) {
        return items.count();
    }

    function read(
        bytes calldata items,
        uint256 start
    ) external pure returns (Encoded memory item, bytes memory data, uint256 next) {
        // Every field dirty: what the item before left behind must not shine through.
        item = Encoded("t", "s", address(1), address(2), "r", 3, true, "x", "h", "d");
        (data, next) = items.read(start, item);
    }

    function test_RefusesToCountInLessThanTwoBytes() external {
        vm.expectRevert(malformed(0));
        this.count("");
        vm.expectRevert(malformed(0));
        this.count(hex"00");
    }

    function testFuzz_CountsByTheFirstTwoBytes(uint16 number, bytes calldata rest) external view {
        equal(this.count(bytes.concat(bytes2(number), rest)), number);
    }

    function test_RefusesFlagsFrom64() external {
        // Zeros read as empty data whatever the flags: nothing else is wrong with this item.
        bytes memory item = bytes.concat(hex"0001", new bytes(100));
        for (uint256 flags = 64; flags < 256; ++flags) {
            item[2] = bytes1(uint8(flags));
            vm.expectRevert(malformed(2));
            this.read(item, 2);
        }
    }

    function test_RefusesEveryTruncationOfAnItem() external {
        refusesTruncations(Packing.packItemAtLength(sample()));
        refusesTruncations(hex"00000000");
    }

    function testFuzz_RefusesEveryTruncationOfAnItem(Attestation calldata a, uint256 length) external {
        bytes memory item = Packing.packItem(a);
        bytes memory cut = Packing.pack(new Attestation[](0));
        cut = bytes.concat(cut, slice(item, length % item.length));
        vm.expectRevert(malformed(2));
        this.read(cut, 2);
    }

    function test_RefusesADataLengthBeyondTheEnd() external {
        bytes memory item =
            hex"0001"
            hex"00"
            hex"ffffff"
            hex"aabb";
        vm.expectRevert(malformed(2));
        this.read(item, 2);
    }

    function test_ReadsBackEveryCombinationOfFields() external view {
        Attestation memory a = sample();
        for (uint256 flags = 0; flags < 64; ++flags) {
            a.revocable = flags & 1 != 0;
            Attestation memory b = copy(a);
            if (flags & 2 == 0) b.recipient = address(0);
            if (flags & 4 == 0) b.ref = 0;
            if (flags & 8 == 0) b.expiresAt = 0;
            uint256 length = Packing.saltLength(flags >> 4);
            b.salt = bytes32(Packing.head(b.salt, length));
            bytes memory item = Packing.packItem(
                a,
                flags & 2 != 0,
                flags & 4 != 0,
                flags & 8 != 0,
                flags >> 4
            );
            equal(uint8(item[0]), flags);
            readsBack(b, item);
        }
    }

    function testFuzz_ReadsBackWhatWasPacked(Attestation calldata a) external view {
        readsBack(a, Packing.packItem(a));
        readsBack(a, Packing.packItemAtLength(a));
    }

    function testFuzz_ReadsShortSaltsPaddedWithZeros(Attestation memory a, uint256 code) external view {
        code %= 4;
        a.salt = bytes32(Packing.head(a.salt, Packing.saltLength(code)));
        equal(Packing.packItem(a).length <= Packing.packItemAtLength(a).length, true);
        readsBack(a, Packing.packItem(a));
    }

    function testFuzz_ReadsItemsOneBehindTheOther(Attestation[3] calldata several) external view {
        Attestation[] memory list = new Attestation[](3);
        for (uint256 i = 0; i < 3; ++i) list[i] = several[i];
        bytes memory items = Packing.pack(list);
        uint256 next = 2;
        for (uint256 i = 0; i < 3; ++i) next = readsAt(several[i], items, next);
        equal(next, items.length);
    }

    function testFuzz_NeverReadsBeyondTheEndOfRandomBytes(bytes calldata items, uint256 start) external view {
        start = within(start, 0, items.length);
        try this.read(items, start) returns (Encoded memory, bytes memory data, uint256 next) {
            yes(next <= items.length && start + 4 + data.length <= next, "inside");
        } catch (bytes memory reason) {
            equal(reason, malformed(start));
        }
    }

    function refusesTruncations(bytes memory item) private {
        for (uint256 length = 0; length < item.length; ++length) {
            bytes memory cut = bytes.concat(hex"0001", slice(item, length));
            vm.expectRevert(malformed(2));
            this.read(cut, 2);
        }
        this.read(bytes.concat(hex"0001", item), 2);
    }

    function readsBack(Attestation memory a, bytes memory item) private view {
        // What follows the item must not matter.
        bytes memory items = bytes.concat(hex"0001", item, hex"ffffffff");
        equal(readsAt(a, items, 2), 2 + item.length);
    }

    function readsAt(Attestation memory a, bytes memory items, uint256 start) private view returns (uint256) {
        (Encoded memory item, bytes memory data, uint256 next) = this.read(items, start);
        equal(item.recipient, a.recipient);
        equal(item.ref, a.ref);
        equal(item.expiresAt, a.expiresAt);
        equal(item.revocable, a.revocable);
        equal(item.salt, a.salt);
        equal(data, a.data);
        equal(item.dataHash, keccak256(a.data));
        // Not the item's business.
        equal(item.typeHash, "t");
        equal(item.schema, "s");
        equal(item.attester, address(1));
        equal(item.domain, "d");
        return next;
    }

    function sample() private pure returns (Attestation memory) {
        return
            Attestation({
                schema: 0,
                attester: address(0),
                recipient: address(type(uint160).max),
                ref: bytes32(type(uint256).max),
                expiresAt: type(uint40).max,
                revocable: true,
                salt: bytes32(type(uint256).max),
                data: hex"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
            });
    }

    function copy(Attestation memory a) private pure returns (Attestation memory) {
        return abi.decode(abi.encode(a), (Attestation));
    }

    function slice(bytes memory whole, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) part[i] = whole[i];
    }

    function malformed(uint256 start) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Items.MalformedItems.selector, start);
    }
}
