// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {MemberGate} from "../../contracts/consumers/examples/MemberGate.sol";
import {PriceReader} from "../../contracts/consumers/examples/PriceReader.sol";
import {VoucherDesk} from "../../contracts/consumers/examples/VoucherDesk.sol";
import {WaybillConsumer} from "../../contracts/consumers/WaybillConsumer.sol";
import {Batch, IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Head} from "../../contracts/types/Head.sol";
import {Proof} from "../../contracts/types/Tree.sol";
import {Packing} from "./support/Packing.sol";
import {Registries} from "./support/Registries.sol";
import {Spec} from "./support/Spec.sol";
import {Trees} from "./support/Trees.sol";
import {vm} from "./support/Vm.sol";

/// A gate by recorded statements, which whoever stands before it hands in.
contract MemberGateSpec is Spec {
    MemberGate private _members;
    address private constant MEMBER = address(0xB0B);

    function setUp() public override {
        super.setUp();
        _members = new MemberGate(registry, issuer, schema);
    }

    function test_KnowsWhomItBelieves() external view {
        equal(address(_members.waybill()), address(registry));
        equal(_members.issuer(), issuer);
        equal(_members.schema(), schema);
    }

    function test_LetsInWhomAValidStatementIsAbout() external {
        bytes32 uid = attest(sample());
        vm.expectEmit(address(_members));
        emit MemberGate.Entered(MEMBER, uid);
        enters(sample());
        enters(sample());
    }

    function testFuzz_LetsInExactlyWhoIsMeant(Attestation memory a, uint64 time) external {
        a.schema = schema;
        a.attester = issuer;
        vm.prank(issuer);
        bytes32 uid = registry.attest(a);
        vm.warp(time);
        bool valid = registry.isValid(uid);
        vm.prank(a.recipient);
        if (!valid) vm.expectRevert(notValid(a));
        _members.enter(a);
    }

    function test_AnswersForAnotherAccount() external {
        bytes32 uid = attest(sample());
        equal(_members.requireMember(MEMBER, sample()), uid);
        vm.expectRevert(abi.encodeWithSelector(MemberGate.OtherRecipient.selector, MEMBER));
        _members.requireMember(relayer, sample());
    }

    function test_RefusesAStatementAboutSomebodyElse() external {
        attest(sample());
        vm.prank(relayer);
        vm.expectRevert(abi.encodeWithSelector(MemberGate.OtherRecipient.selector, MEMBER));
        _members.enter(sample());
    }

    function test_RefusesAnotherAttester() external {
        Attestation memory a = sample();
        a.attester = relayer;
        attest(a);
        refuses(a, abi.encodeWithSelector(WaybillConsumer.OtherAttester.selector, relayer));
    }

    /// Valid as it is, and not said by the issuer: the name is not believed.
    function test_RefusesTheIssuersNameUnderAnothersStatement() external {
        Attestation memory a = sample();
        a.attester = relayer;
        attest(a);
        a.attester = issuer;
        refuses(a, notValid(a));
    }

    function test_RefusesAnotherSchema() external {
        Attestation memory a = sample();
        a.schema = schemas.register("string other", address(0), true);
        attest(a);
        refuses(a, abi.encodeWithSelector(WaybillConsumer.OtherSchema.selector, a.schema));
        a.schema = schema;
        refuses(a, notValid(a));
    }

    function testFuzz_RefusesAStatementWithAnyFieldChanged(uint256 field, uint256 change) external {
        attest(sample());
        Attestation memory a = sample();
        field %= 6;
        if (field == 0) a.recipient = address(uint160(change));
        if (field == 1) a.ref = bytes32(change);
        if (field == 2) a.expiresAt = uint40(change);
        if (field == 3) a.revocable = false;
        if (field == 4) a.salt = bytes32(change);
        if (field == 5) a.data = abi.encode(change);
        vm.assume(keccak256(abi.encode(a)) != keccak256(abi.encode(sample())));
        vm.prank(a.recipient);
        vm.expectRevert(notValid(a));
        _members.enter(a);
    }

    function test_RefusesWhatIsNotRecorded() external {
        refuses(sample(), notValid(sample()));
        // It is valid with its proof, at another level: that is another gate's affair.
        seal(one(sample()));
        refuses(sample(), notValid(sample()));
    }

    function test_RefusesFromTheSecondOfItsExpiryOn() external {
        attest(sample());
        vm.warp(sample().expiresAt - 1);
        enters(sample());
        vm.warp(sample().expiresAt);
        refuses(sample(), notValid(sample()));
    }

    function test_RefusesWhatIsRevoked() external {
        revoke(attest(sample()));
        refuses(sample(), notValid(sample()));
    }

    function test_RefusesWhatWasRevokedBeforeItWasRecorded() external {
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(sample())), "", 0, "");
        refuses(sample(), notValid(sample()));
    }

    function test_RefusesWhatIsRecordedInAnotherRegistry() external {
        IAttestationRegistry other = Registries.newRegistry(schemas);
        vm.prank(issuer);
        other.attest(sample());
        refuses(sample(), notValid(sample()));
        MemberGate there = new MemberGate(other, issuer, schema);
        vm.prank(MEMBER);
        there.enter(sample());
    }

    /// A chain that splits off keeps all slots, and takes another id: what was said here was not said there.
    function test_RefusesOnASplitChainWhatWasSaidBefore() external {
        attest(sample());
        vm.chainId(10);
        refuses(sample(), notValid(sample()));
        attest(sample());
        enters(sample());
    }

    function test_IsNotMadeWithoutARegistry() external {
        vm.expectRevert();
        new MemberGate(IAttestationRegistry(relayer), issuer, schema);
        vm.expectRevert();
        new MemberGate(IAttestationRegistry(address(schemas)), issuer, schema);
    }

    function testFuzz_RefusesBitsBeyondAFieldsType(uint256 field, uint256 bit) external {
        attest(sample());
        bytes memory call_ = abi.encodeCall(MemberGate.enter, (sample()));
        // attester, recipient, expiresAt, revocable: the words after the selector and the offset, and their widths.
        uint256 place = [uint256(1), 2, 4, 5][field % 4];
        uint256 width = [uint256(160), 160, 40, 1][field % 4];
        uint256 flip = 1 << within(bit, width, 255);
        assembly ("memory-safe") {
            let word := add(call_, add(0x44, mul(place, 0x20)))
            mstore(word, xor(mload(word), flip))
        }
        vm.prank(MEMBER);
        (bool done, ) = address(_members).call(call_);
        equal(done, false);
    }

    function enters(Attestation memory a) private {
        vm.prank(MEMBER);
        _members.enter(a);
    }

    function refuses(Attestation memory a, bytes memory error_) private {
        vm.prank(MEMBER);
        vm.expectRevert(error_);
        _members.enter(a);
    }

    function notValid(Attestation memory a) private view returns (bytes memory) {
        return abi.encodeWithSelector(WaybillConsumer.NotValid.selector, uidOf(a));
    }
}

/// A gate by proofs, at which every statement counts once.
contract VoucherDeskSpec is Spec {
    VoucherDesk private _desk;
    address private constant HOLDER = address(0xB0B);

    function setUp() public override {
        super.setUp();
        _desk = new VoucherDesk(registry, issuer, schema);
    }

    function test_RedeemsEveryVoucherOfASealOnceWhoeverBringsIt() external {
        Attestation[] memory items = vouchers(5);
        seal(items);
        for (uint256 i = 0; i < items.length; ++i) {
            vm.expectEmit(address(_desk));
            emit VoucherDesk.Redeemed(HOLDER, uint64(i), uint128(100 + i));
            redeem(items, i);
            equal(_desk.isRedeemed(uint64(i)), true);
        }
        equal(_desk.pointsOf(HOLDER), 510);
        refuses(items[2], proofOf(items, 2), abi.encodeWithSelector(VoucherDesk.AlreadyRedeemed.selector, 2));
        // The same voucher under another salt is another uid, and the same number.
        Attestation[] memory again = vouchers(1);
        again[0].salt = "again";
        seal(again);
        refuses(again[0], proofOf(again, 0), abi.encodeWithSelector(VoucherDesk.AlreadyRedeemed.selector, 0));
        equal(_desk.pointsOf(HOLDER), 510);
    }

    function test_RedeemsWhatIsAnchoredToo() external {
        Attestation[] memory items = vouchers(3);
        anchor(Trees.rootOf(uidsOf(items)), 3);
        redeem(items, 2);
        equal(_desk.pointsOf(HOLDER), 102);
    }

    function test_RefusesAProofOfAnotherPlaceTreeOrLength() external {
        Attestation[] memory items = vouchers(6);
        seal(items);
        Proof memory proof = proofOf(items, 2);
        for (uint256 i = 0; i < 6; ++i) {
            if (i != 2) refusesProof(items[2], proofOf(items, i));
            proof.index = i;
            if (i != 2) refusesProof(items[2], proof);
        }
        // A place that no tree of this height has, with the same way up.
        proof.index = 2 + 8;
        refusesProof(items[2], proof);
        proof.index = type(uint256).max;
        refusesProof(items[2], proof);
        refusesProof(items[2], Proof(2, new bytes32[](0)));
        refusesProof(items[2], Proof(2, new bytes32[](3)));
        redeem(items, 2);
    }

    function testFuzz_RefusesAForgedProof(uint256 index, bytes32[] calldata path) external {
        seal(vouchers(6));
        Attestation memory forged = vouchers(7)[6];
        refusesProof(forged, Proof(index, path));
    }

    function test_RefusesALeafOfARootThatTheIssuerDidNotCommit() external {
        Attestation[] memory items = vouchers(4);
        bytes32 root = Trees.rootOf(uidsOf(items));
        refusesProof(items[1], proofOf(items, 1));
        Batch memory batch = batchOf(relayer);
        vm.prank(relayer);
        registry.anchor(batch, root, 4, "");
        refusesProof(items[1], proofOf(items, 1));
        // Under another schema.
        batch = batchOf(issuer);
        batch.schema = firmSchema;
        vm.prank(issuer);
        registry.anchor(batch, root, 4, "");
        refusesProof(items[1], proofOf(items, 1));
        seal(items);
        redeem(items, 1);
    }

    function test_RefusesWhatIsRecordedAndHasNoProof() external {
        Attestation[] memory items = vouchers(1);
        attest(items[0]);
        refusesProof(items[0], proofOf(items, 0));
    }

    function test_RefusesALeafWhoseResolverWasNotAsked() external {
        Attestation[] memory items = vouchers(2);
        for (uint256 i = 0; i < 2; ++i) items[i].schema = resolverSchema;
        _desk = new VoucherDesk(registry, issuer, resolverSchema);
        Batch memory batch = batchOf(issuer);
        batch.schema = resolverSchema;
        vm.prank(issuer);
        registry.anchor(batch, Trees.rootOf(uidsOf(items)), 2, "");
        refusesProof(items[0], proofOf(items, 0));
    }

    function test_RefusesWhatIsRevokedByItsPlaceOrItsUid() external {
        Attestation[] memory items = vouchers(4);
        revokeLeaves(seal(items), only(1));
        refusesProof(items[1], proofOf(items, 1));
        vm.prank(issuer);
        registry.revokeUnrecorded(one(bodiless(items[2])), "", 0, "");
        refusesProof(items[2], proofOf(items, 2));
        redeem(items, 0);
        redeem(items, 3);
    }

    function test_RefusesFromTheSecondOfItsExpiryOn() external {
        Attestation[] memory items = vouchers(2);
        seal(items);
        vm.warp(items[0].expiresAt);
        refusesProof(items[0], proofOf(items, 0));
    }

    function test_RefusesAnotherAttesterOrSchema() external {
        Attestation[] memory items = vouchers(2);
        items[0].attester = relayer;
        refuses(
            items[0],
            proofOf(items, 0),
            abi.encodeWithSelector(WaybillConsumer.OtherAttester.selector, relayer)
        );
        items[1].schema = firmSchema;
        refuses(
            items[1],
            proofOf(items, 1),
            abi.encodeWithSelector(WaybillConsumer.OtherSchema.selector, firmSchema)
        );
    }

    function test_RefusesWhatWasSealedBeforeTheChainSplit() external {
        Attestation[] memory items = vouchers(2);
        seal(items);
        vm.chainId(10);
        refusesProof(items[0], proofOf(items, 0));
        seal(items);
        redeem(items, 0);
    }

    /// Nobody compares data with a schema's text: what does not fit reverts here.
    function test_RefusesDataThatIsNoVoucher() external {
        Attestation[] memory items = vouchers(3);
        items[0].data = abi.encode(uint64(1));
        items[1].data = abi.encode(uint256(1) << 64, 1);
        items[2].data = "";
        seal(items);
        for (uint256 i = 0; i < 3; ++i) refuses(items[i], proofOf(items, i), "");
    }

    function redeem(Attestation[] memory items, uint256 index) private {
        Proof memory proof = proofOf(items, index);
        vm.prank(relayer);
        _desk.redeem(items[index], proof);
    }

    function refuses(Attestation memory a, Proof memory proof, bytes memory error_) private {
        vm.expectRevert(error_);
        _desk.redeem(a, proof);
    }

    function refusesProof(Attestation memory a, Proof memory proof) private {
        refuses(a, proof, abi.encodeWithSelector(WaybillConsumer.NotValid.selector, uidOf(a)));
    }

    function proofOf(Attestation[] memory items, uint256 index) private view returns (Proof memory) {
        return Trees.proofOf(uidsOf(items), index);
    }

    function vouchers(uint256 count) private view returns (Attestation[] memory items) {
        items = many(count);
        for (uint256 i = 0; i < count; ++i) items[i].data = abi.encode(uint64(i), uint128(100 + i));
    }
}

/// A reader of what was appended to a stream last, at every level.
contract PriceReaderSpec is Spec {
    bytes32 private constant STREAM = "prices";
    uint64 private constant MAXIMUM_AGE = 1 hours;

    PriceReader private _reader;

    function setUp() public override {
        super.setUp();
        _reader = new PriceReader(registry, issuer, schema, STREAM, MAXIMUM_AGE);
    }

    function test_ReadsTheNewestThatIsRecordedAndNoOlderOne() external {
        bytes32 hash;
        for (uint256 i = 0; i < 3; ++i) {
            record(prices(i, 1), uint64(i));
            reads(prices(i, 1)[0], hash, 1000 + i, i);
            bytes32 next = append(hash, uidOf(prices(i, 1)[0]));
            refuses(prices(i, 1)[0], next);
            hash = next;
        }
        refuses(prices(1, 1)[0], append(0, uidOf(prices(0, 1)[0])));
        refuses(prices(0, 1)[0], 0);
    }

    function test_OfABatchOnlyTheLastIsTheNewest() external {
        Attestation[] memory items = prices(0, 4);
        record(items, 0);
        bytes32 hash;
        for (uint256 i = 0; i < 3; ++i) {
            refuses(items[i], hash);
            hash = append(hash, uidOf(items[i]));
        }
        reads(items[3], hash, 1003, 3);
    }

    function test_ReadsTheLastOfASeal() external {
        record(prices(9, 1), 0);
        Attestation[] memory items = prices(0, 3);
        bytes32 hash = append(0, uidOf(prices(9, 1)[0]));
        bytes32[3] memory before;
        seal(items, 1);
        for (uint256 i = 0; i < 3; ++i) {
            before[i] = hash;
            hash = append(hash, uidOf(items[i]));
        }
        reads(items, 2, WaybillConsumer.Link(before[2], 0), 1002, 3);
        for (uint256 i = 0; i < 2; ++i) {
            refuses(items, i, WaybillConsumer.Link(before[i], 0));
            refuses(items, i, WaybillConsumer.Link(before[2], 0));
        }
        // It was appended by its uid, not as a root.
        refuses(items, 2, WaybillConsumer.Link(before[2], 3));
        refuses(items, 2, WaybillConsumer.Link(before[0], 3));
        // And it is not recorded.
        refusesInvalid(items[2], before[2]);
    }

    function test_ReadsTheLastLeafOfAnAnchor() external {
        record(prices(9, 1), 0);
        Attestation[] memory items = prices(0, 3);
        bytes32 hash = append(0, uidOf(prices(9, 1)[0]));
        anchor(items, 1, 3);
        reads(items, 2, WaybillConsumer.Link(hash, 3), 1002, 3);
        for (uint256 i = 0; i < 2; ++i) refuses(items, i, WaybillConsumer.Link(hash, 3));
        for (uint40 count = 0; count < 6; ++count) {
            if (count != 3) refuses(items, 2, WaybillConsumer.Link(hash, count));
        }
        refuses(items, 2, WaybillConsumer.Link(0, 3));
        record(prices(5, 1), 4);
        refuses(items, 2, WaybillConsumer.Link(hash, 3));
    }

    /// What was said first stays: two leaves are never the newest at once.
    function test_AWrongCountMakesNoOtherLeafTheNewest() external {
        Attestation[] memory items = prices(0, 4);
        anchor(items, 0, 3);
        reads(items, 2, WaybillConsumer.Link(0, 3), 1002, 2);
        // Sealed beside the stream, which puts the count of the root right.
        seal(items);
        proves(items, true);
        reads(items, 2, WaybillConsumer.Link(0, 3), 1002, 2);
        refuses(items, 3, WaybillConsumer.Link(0, 3));
        refuses(items, 3, WaybillConsumer.Link(0, 4));
    }

    function test_ARootOfOneIsNotAUid() external {
        Attestation[] memory items = prices(0, 1);
        anchor(items, 0, 1);
        reads(items, 0, WaybillConsumer.Link(0, 1), 1000, 0);
        refuses(items, 0, WaybillConsumer.Link(0, 0));
        record(prices(1, 1), 1);
        attest(items[0]);
        refuses(items[0], 0);
    }

    function test_RefusesTheNewestOfAnotherStreamOrAttester() external {
        Attestation memory a = prices(0, 1)[0];
        append(batchOf(issuer, "another"), one(a));
        refuses(a, 0);
        Attestation memory others = prices(1, 1)[0];
        others.attester = relayer;
        append(batchOf(relayer, STREAM), one(others));
        vm.expectRevert(abi.encodeWithSelector(WaybillConsumer.OtherAttester.selector, relayer));
        _reader.read(others, 0);
        // In no stream at all.
        refuses(a, bytes32(0));
        equal(registry.headOf(issuer, STREAM).count, 0);
    }

    function test_RefusesWhatIsInTheStreamUnderAnotherSchema() external {
        Attestation memory a = prices(0, 1)[0];
        a.schema = schemas.register("uint256 price,uint64 observedAt", address(0), true);
        Batch memory batch = batchOf(issuer, STREAM);
        batch.schema = a.schema;
        append(batch, one(a));
        vm.expectRevert(abi.encodeWithSelector(WaybillConsumer.OtherSchema.selector, a.schema));
        _reader.read(a, 0);
    }

    function test_WhenTheNewestIsRevokedThereIsNone() external {
        record(prices(0, 2), 0);
        bytes32 first = append(0, uidOf(prices(0, 2)[0]));
        revoke(uidOf(prices(0, 2)[1]));
        refusesInvalid(prices(0, 2)[1], first);
        refuses(prices(0, 2)[0], 0);
    }

    function test_WhenTheNewestLeafIsRevokedThereIsNone() external {
        Attestation[] memory items = prices(0, 2);
        seal(items, 0);
        WaybillConsumer.Link memory link = WaybillConsumer.Link(append(0, uidOf(items[0])), 0);
        reads(items, 1, link, 1001, 1);
        revokeLeaves(Trees.rootOf(uidsOf(items)), only(1));
        Proof memory proof = Trees.proofOf(uidsOf(items), 1);
        vm.expectRevert(abi.encodeWithSelector(WaybillConsumer.NotValid.selector, uidOf(items[1])));
        _reader.read(items[1], proof, link);
    }

    function test_RefusesAPriceThatIsTooOldOrAhead() external {
        Attestation memory a = prices(0, 1)[0];
        record(one(a), 0);
        vm.warp(NOW + MAXIMUM_AGE);
        reads(a, 0, 1000, 0);
        vm.warp(NOW + MAXIMUM_AGE + 1);
        vm.expectRevert(abi.encodeWithSelector(PriceReader.NotOfNow.selector, NOW));
        _reader.read(a, 0);
        vm.warp(NOW - 1);
        vm.expectRevert(abi.encodeWithSelector(PriceReader.NotOfNow.selector, NOW));
        _reader.read(a, 0);
    }

    /// Batches of any level and size one after the other: of all statements ever appended, the last one alone is read.
    function testFuzz_OfAllThatWasAppendedTheLastAloneIsRead(uint256 picks) external {
        bytes32 hash;
        uint64 position;
        for (uint256 n = 0; n < 4; ++n) {
            uint256 pick = uint256(keccak256(abi.encode(picks, n)));
            Attestation[] memory items = prices(10 * n, 1 + ((pick >> 8) % 4));
            uint8 level = uint8(pick % 3);
            if (level == RECORDED) record(items, position);
            else if (level == SEALED) seal(items, position);
            else anchor(items, position, uint40(items.length));
            position += uint64(items.length);
            bytes32 before = hash;
            for (uint256 i = 0; i < items.length; ++i) {
                bool last = i == items.length - 1;
                if (level == ANCHORED) {
                    WaybillConsumer.Link memory link = WaybillConsumer.Link(before, uint40(items.length));
                    if (last) reads(items, i, link, 1000 + 10 * n + i, position - 1);
                    else refuses(items, i, link);
                    continue;
                }
                if (level == SEALED) {
                    WaybillConsumer.Link memory link = WaybillConsumer.Link(hash, 0);
                    if (last) reads(items, i, link, 1000 + 10 * n + i, position - 1);
                    else refuses(items, i, link);
                } else if (last) {
                    reads(items[i], hash, 1000 + 10 * n + i, position - 1);
                } else {
                    refuses(items[i], hash);
                }
                hash = append(hash, uidOf(items[i]));
            }
            hash = registry.headOf(issuer, STREAM).hash;
        }
    }

    function reads(Attestation memory a, bytes32 previous, uint256 price, uint256 position) private view {
        (uint256 got, uint64 place) = _reader.read(a, previous);
        equal(got, price);
        equal(place, position);
    }

    function reads(
        Attestation[] memory items,
        uint256 index,
        WaybillConsumer.Link memory link,
        uint256 price,
        uint256 position
    ) private view {
        (uint256 got, uint64 place) = _reader.read(items[index], Trees.proofOf(uidsOf(items), index), link);
        equal(got, price);
        equal(place, position);
    }

    function refuses(Attestation memory a, bytes32 previous) private {
        bytes32 uid = uidOf(a);
        vm.expectRevert(
            abi.encodeWithSelector(
                registry.isValid(uid)
                    ? WaybillConsumer.NotNewest.selector
                    : WaybillConsumer.NotValid.selector,
                uid
            )
        );
        _reader.read(a, previous);
    }

    function refusesInvalid(Attestation memory a, bytes32 previous) private {
        vm.expectRevert(abi.encodeWithSelector(WaybillConsumer.NotValid.selector, uidOf(a)));
        _reader.read(a, previous);
    }

    function refuses(Attestation[] memory items, uint256 index, WaybillConsumer.Link memory link) private {
        Proof memory proof = Trees.proofOf(uidsOf(items), index);
        vm.expectRevert(abi.encodeWithSelector(WaybillConsumer.NotNewest.selector, uidOf(items[index])));
        _reader.read(items[index], proof, link);
    }

    function record(Attestation[] memory items, uint64 position) private {
        Batch memory batch = batchOf(issuer, STREAM);
        batch.position = position;
        append(batch, items);
    }

    function append(Batch memory batch, Attestation[] memory items) private {
        vm.prank(batch.attester);
        registry.record(batch, Packing.pack(items), "");
    }

    function seal(Attestation[] memory items, uint64 position) private {
        Batch memory batch = batchOf(issuer, STREAM);
        batch.position = position;
        vm.prank(issuer);
        registry.seal(batch, Packing.pack(items), "");
    }

    function anchor(Attestation[] memory items, uint64 position, uint40 count) private {
        Batch memory batch = batchOf(issuer, STREAM);
        batch.position = position;
        bytes32 root = Trees.rootOf(uidsOf(items));
        vm.prank(issuer);
        registry.anchor(batch, root, count, "");
    }

    function append(bytes32 hash, bytes32 uid) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(hash, uid));
    }

    function batchOf(address attester, bytes32 stream) private view returns (Batch memory batch) {
        batch = batchOf(attester);
        batch.stream = stream;
    }

    /// Prices 1000, 1001, … from `first` on, observed now.
    function prices(uint256 first, uint256 count) private view returns (Attestation[] memory items) {
        items = many(count);
        for (uint256 i = 0; i < count; ++i) {
            items[i].salt = keccak256(abi.encode("price", first + i));
            items[i].data = abi.encode(1000 + first + i, uint64(NOW));
        }
    }
}
