// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Errors} from "@openzeppelin/contracts/utils/Errors.sol";
import {Fee} from "../../contracts/resolvers/Fee.sol";
import {IssuerAllowList} from "../../contracts/resolvers/IssuerAllowList.sol";
import {RequiredReference} from "../../contracts/resolvers/RequiredReference.sol";
import {Resolver} from "../../contracts/resolvers/Resolver.sol";
import {UniqueRecipient} from "../../contracts/resolvers/UniqueRecipient.sol";
import {Attestation} from "../../contracts/types/Attestation.sol";
import {Packing} from "./support/Packing.sol";
import {ResolverSpec} from "./support/ResolverSpec.sol";
import {vm} from "./support/Vm.sol";
import {Answering} from "./support/Wallets.sol";

/// What the four resolvers have in common.
contract ResolverBaseSpec is ResolverSpec {
    address[4] private _all;

    function setUp() public override {
        super.setUp();
        bytes memory word = abi.encode(registry);
        _all[0] = deployed("IssuerAllowList.sol:IssuerAllowList", abi.encode(registry, issuer));
        _all[1] = deployed("Fee.sol:Fee", abi.encode(registry, uint128(7), address(0xFEE)));
        _all[2] = deployed("UniqueRecipient.sol:UniqueRecipient", word);
        _all[3] = deployed("RequiredReference.sol:RequiredReference", abi.encode(registry, address(0)));
    }

    function testFuzz_RefusesAnybodyButTheRegistry(address caller) external {
        vm.assume(caller != address(registry));
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Resolver.NotRegistry.selector, caller));
            vm.prank(caller);
            Resolver(_all[i]).onAttested(caller, 0, batchOf(issuer), new bytes32[](0), hex"0000");
        }
    }

    function test_RefusesEthThatNobodyAskedFor() external {
        for (uint256 i = 0; i < 4; ++i) {
            vm.deal(relayer, 1);
            vm.prank(relayer);
            (bool ok, ) = _all[i].call{value: 1}("");
            equal(ok, false);
        }
    }

    function test_RefusesValueUnlessItHasAPrice() external {
        IssuerAllowList list = IssuerAllowList(_all[0]);
        vm.prank(issuer);
        list.allow(issuer);
        bytes32 ref = attest(sample());
        for (uint256 i = 0; i < 4; ++i) {
            if (i == 1) continue;
            names(_all[i]);
            Attestation[] memory items = judgedOnes(1);
            items[0].ref = ref;
            bytes memory error_ = abi.encodeWithSelector(Resolver.ValueNotTaken.selector, 1);
            for (uint256 way = 0; way < WAYS; ++way) refuses(way, items, 1, error_);
            send(1, items, 0);
            holds(items[0], NOW, false);
        }
    }

    function test_AnswersToOneRegistryForEver() external view {
        for (uint256 i = 0; i < 4; ++i) equal(address(Resolver(_all[i]).registry()), address(registry));
    }
}

/// Only issuers whom the owner allows.
contract IssuerAllowListSpec is ResolverSpec {
    address private constant OWNER = address(0x0E2);
    IssuerAllowList private _list;

    function setUp() public override {
        super.setUp();
        _list = IssuerAllowList(deployed("IssuerAllowList.sol:IssuerAllowList", abi.encode(registry, OWNER)));
        names(address(_list));
    }

    function test_RefusesAnIssuerWhoIsNotAllowedWhoeverSends() external {
        vm.prank(OWNER);
        _list.allow(relayer);
        bytes memory error_ = abi.encodeWithSelector(IssuerAllowList.IssuerNotAllowed.selector, issuer);
        for (uint256 way = 0; way < WAYS; ++way) refuses(way, judgedOnes(1), 0, error_);
        nothingIsKnownOf(uidOf(judgedOnes(1)[0]));
    }

    function testFuzz_RefusesAListKeptByAnybodyButTheOwner(address stranger) external {
        vm.assume(stranger != OWNER);
        bytes memory error_ = abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger);
        vm.expectRevert(error_);
        vm.prank(stranger);
        _list.allow(stranger);
        vm.expectRevert(error_);
        vm.prank(stranger);
        _list.remove(stranger);
        equal(_list.isAllowed(stranger), false);
    }

    function test_AllowsAnIssuerWithAnEvent() external {
        vm.expectEmit(address(_list));
        emit IssuerAllowList.IssuerAllowed(issuer);
        vm.prank(OWNER);
        _list.allow(issuer);
        equal(_list.isAllowed(issuer), true);
        for (uint256 way = 0; way < WAYS; ++way) {
            Attestation[] memory items = judgedOnes(1);
            items[0].salt = bytes32(way);
            send(way, items, 0);
            equal(registry.isValid(uidOf(items[0])), way < 4);
        }
    }

    function test_RemovesAnIssuerAndLeavesWhatItSaid() external {
        vm.prank(OWNER);
        _list.allow(issuer);
        Attestation[] memory items = judgedOnes(1);
        send(0, items, 0);
        vm.expectEmit(address(_list));
        emit IssuerAllowList.IssuerRemoved(issuer);
        vm.prank(OWNER);
        _list.remove(issuer);
        equal(_list.isAllowed(issuer), false);
        holds(items[0], NOW, false);
        items[0].salt = "later";
        refuses(1, items, 0, abi.encodeWithSelector(IssuerAllowList.IssuerNotAllowed.selector, issuer));
    }

    function test_AllowingOrRemovingAgainIsSilent() external {
        vm.recordLogs();
        vm.prank(OWNER);
        _list.remove(issuer);
        silent();
        vm.prank(OWNER);
        _list.allow(issuer);
        vm.recordLogs();
        vm.prank(OWNER);
        _list.allow(issuer);
        silent();
        equal(_list.isAllowed(issuer), true);
    }

    function test_ANewOwnerHasToAccept() external {
        vm.prank(OWNER);
        _list.transferOwnership(relayer);
        equal(_list.owner(), OWNER);
        vm.prank(relayer);
        _list.acceptOwnership();
        equal(_list.owner(), relayer);
    }
}

/// A price per item.
contract FeeSpec is ResolverSpec {
    uint128 private constant PRICE = 1000;
    address payable private constant PAYEE = payable(address(0xFEE));
    Fee private _fee;

    function setUp() public override {
        super.setUp();
        charges(PRICE, PAYEE);
    }

    function test_RefusesToCollectForNobody() external {
        vm.expectRevert(abi.encodeWithSelector(Fee.NoPayee.selector));
        new Fee(registry, PRICE, payable(address(0)));
    }

    function testFuzz_RefusesAnyOtherValueThanThePriceOfAllItems(uint256 value, uint256 count) external {
        count = within(count, 1, 5);
        value = within(value, 0, PRICE * 6);
        vm.assume(value != PRICE * count);
        for (uint256 way = 2; way < WAYS; ++way) {
            refuses(way, judgedOnes(count), value, wrong(value, PRICE * count));
        }
        equal(address(_fee).balance, 0);
    }

    function test_RefusesOneWeiMoreOrLess() external {
        for (uint256 way = 0; way < WAYS; ++way) {
            refuses(way, judgedOnes(1), PRICE - 1, wrong(PRICE - 1, PRICE));
            refuses(way, judgedOnes(1), PRICE + 1, wrong(PRICE + 1, PRICE));
        }
    }

    function test_NoPriceOverflowsIntoACheaperOne() external {
        charges(type(uint128).max, PAYEE);
        refuses(2, judgedOnes(3), 0, wrong(0, 3 * uint256(type(uint128).max)));
        send(2, judgedOnes(3), 3 * uint256(type(uint128).max));
        equal(address(_fee).balance, 3 * uint256(type(uint128).max));
    }

    function testFuzz_TakesThePriceOfEveryItemAtEveryEntry(uint128 price, uint256 count) external {
        charges(price, PAYEE);
        count = within(count, 1, 5);
        uint256 paid;
        for (uint256 way = 0; way < WAYS; ++way) {
            Attestation[] memory items = judgedOnes(way < 2 ? 1 : count);
            for (uint256 i = 0; i < items.length; ++i) items[i].salt = keccak256(abi.encode(way, i));
            send(way, items, items.length * price);
            paid += items.length * price;
            equal(address(_fee).balance, paid);
        }
    }

    function test_AnybodyHasThePayeePaidWithAnEvent() external {
        send(2, judgedOnes(3), 3 * PRICE);
        vm.expectEmit(address(_fee));
        emit Fee.Withdrawn(3 * PRICE);
        vm.prank(relayer);
        _fee.withdraw();
        equal(PAYEE.balance, 3 * PRICE);
        equal(address(_fee).balance, 0);
        equal(relayer.balance, 0);
    }

    function test_APayeeThatRevertsStopsNobodyAndIsPaidOnceItTakesIt() external {
        address payable wallet = payable(address(new Stubborn()));
        charges(PRICE, wallet);
        send(2, judgedOnes(2), 2 * PRICE);
        vm.expectRevert(abi.encodeWithSelector(Stubborn.NotNow.selector));
        _fee.withdraw();
        equal(address(_fee).balance, 2 * PRICE);
        send(4, judgedOnes(2), 2 * PRICE);

        Stubborn(wallet).soften();
        _fee.withdraw();
        equal(wallet.balance, 4 * PRICE);
        equal(address(_fee).balance, 0);
    }

    function test_APayeeThatRevertsWithoutWordsIsNamedAsAFailedCall() external {
        charges(PRICE, payable(address(new Answering(""))));
        send(0, judgedOnes(1), PRICE);
        vm.expectRevert(abi.encodeWithSelector(Errors.FailedCall.selector));
        _fee.withdraw();
    }

    function test_APayeeThatWithdrawsAgainWhilePaidGetsNoMore() external {
        address payable wallet = payable(address(new Greedy()));
        charges(PRICE, wallet);
        send(2, judgedOnes(2), 2 * PRICE);
        _fee.withdraw();
        equal(wallet.balance, 2 * PRICE);
        equal(address(_fee).balance, 0);
    }

    function charges(uint128 price, address payable payee) private {
        _fee = Fee(deployed("Fee.sol:Fee", abi.encode(registry, price, payee)));
        equal(_fee.price(), price);
        equal(_fee.payee(), payee);
        names(address(_fee));
    }

    function wrong(uint256 value, uint256 due) private pure returns (bytes memory) {
        return abi.encodeWithSelector(Fee.WrongValue.selector, value, due);
    }
}

/// At most one valid attestation per schema, issuer and recipient.
contract UniqueRecipientSpec is ResolverSpec {
    UniqueRecipient private _unique;

    function setUp() public override {
        super.setUp();
        _unique = UniqueRecipient(deployed("UniqueRecipient.sol:UniqueRecipient", abi.encode(registry)));
        names(address(_unique));
    }

    function test_RefusesToSeal() external {
        bytes memory error_ = abi.encodeWithSelector(UniqueRecipient.RecordsOnly.selector);
        refuses(4, judgedOnes(1), 0, error_);
        refuses(5, judgedOnes(1), 0, error_);
    }

    function test_RefusesASecondOneAsLongAsTheFirstIsValid() external {
        refusesTheNext(address(0xB0B));
    }

    function testFuzz_RefusesASecondOneAsLongAsTheFirstIsValid(address recipient) external {
        refusesTheNext(recipient);
    }

    function test_RefusesASecondOneAboutNobodyInParticular() external {
        refusesTheNext(address(0));
    }

    function test_RefusesARecipientTwiceInABatch() external {
        Attestation[] memory items = several(3);
        items[2].recipient = items[0].recipient;
        refuses(2, items, 0, taken(items[0]));
        nothingIsKnownOf(uidOf(items[1]));
        equal(_unique.lastOf(judged, issuer, items[0].recipient), 0);
        items[2].recipient = address(99);
        send(3, items, 0);
        for (uint256 i = 0; i < 3; ++i) isLast(items[i]);
    }

    function test_ReadsEveryRecipientWhateverFieldsStandAroundIt() external {
        Attestation[] memory items = several(4);
        items[0].recipient = address(0);
        (items[1].ref, items[1].expiresAt, items[1].data) = (0, 0, "");
        (items[2].salt, items[2].data) = (0, new bytes(300));
        send(2, items, 0);
        for (uint256 i = 0; i < 4; ++i) isLast(items[i]);
    }

    function test_AllowsTheNextOnceTheLastIsRevoked() external {
        Attestation[] memory items = several(1);
        send(0, items, 0);
        revoke(uidOf(items[0]));
        items[0].salt = "next";
        send(1, items, 0);
        isLast(items[0]);
    }

    function test_AllowsTheNextFromTheSecondInWhichTheLastExpires() external {
        Attestation[] memory items = several(1);
        Attestation[] memory next = several(1);
        next[0].salt = "next";
        next[0].expiresAt = 0;
        send(0, items, 0);
        vm.warp(items[0].expiresAt - 1);
        refuses(0, next, 0, taken(items[0]));
        vm.warp(items[0].expiresAt);
        send(0, next, 0);
        equal(_unique.lastOf(judged, issuer, next[0].recipient), uidOf(next[0]));
    }

    function test_OneThatArrivesExpiredIsNotWaitedFor() external {
        Attestation[] memory items = several(2);
        items[1].recipient = items[0].recipient;
        items[0].expiresAt = uint40(NOW);
        send(2, items, 0);
        equal(registry.isValid(uidOf(items[0])), false);
        isLast(items[1]);
    }

    function test_CountsEveryIssuerAndEverySchemaByItself() external {
        Attestation[] memory items = several(1);
        send(0, items, 0);
        items[0].attester = relayer;
        attest(items[0]);
        isLast(items[0]);
        judged = schemas.register("bool other", address(_unique), true);
        items = several(1);
        send(0, items, 0);
        isLast(items[0]);
    }

    /// Whatever is said in whatever order: never two that are valid at once.
    function testFuzz_NeverTwoValidOnesAtOnce(uint256[12] calldata steps) external {
        bytes32[] memory uids = new bytes32[](steps.length);
        uint256 time = NOW;
        for (uint256 i = 0; i < steps.length; ++i) {
            Attestation memory a = several(1)[0];
            a.salt = bytes32(i);
            a.expiresAt = steps[i] % 3 == 0 ? 0 : uint40(time + (steps[i] % 5));
            uids[i] = uidOf(a);
            vm.prank(issuer);
            (bool ok, ) = address(registry).call(abi.encodeCall(registry.attest, (a)));
            if (ok && (steps[i] >> 8) % 3 == 0) revoke(uids[i]);
            time += (steps[i] >> 16) % 3;
            vm.warp(time);
            uint256 valid;
            for (uint256 j = 0; j <= i; ++j) if (registry.isValid(uids[j])) ++valid;
            yes(valid <= 1, "one at most");
        }
    }

    function refusesTheNext(address recipient) private {
        Attestation[] memory items = several(1);
        items[0].recipient = recipient;
        send(0, items, 0);
        isLast(items[0]);
        bytes memory error_ = taken(items[0]);
        items[0].salt = "next";
        for (uint256 way = 0; way < 4; ++way) refuses(way, items, 0, error_);
        nothingIsKnownOf(uidOf(items[0]));
    }

    /// Of as many recipients.
    function several(uint256 count) private view returns (Attestation[] memory items) {
        items = judgedOnes(count);
        for (uint256 i = 0; i < count; ++i) items[i].recipient = address(uint160(0x1000 + i));
    }

    function isLast(Attestation memory a) private view {
        equal(_unique.lastOf(a.schema, a.attester, a.recipient), uidOf(a));
        equal(registry.isValid(uidOf(a)), true);
    }

    function taken(Attestation memory a) private view returns (bytes memory) {
        return abi.encodeWithSelector(UniqueRecipient.RecipientTaken.selector, a.recipient, uidOf(a));
    }
}

/// Every item refers to an attestation that is recorded and valid.
contract RequiredReferenceSpec is ResolverSpec {
    uint256 private constant OTHER_KEY = 0x07E2;
    bytes32 private _ref;

    function setUp() public override {
        super.setUp();
        requires(address(0));
        _ref = attest(sample());
    }

    function test_RefusesAReferenceToNothing() external {
        refusesRef(0);
        refusesRef("unknown");
    }

    function test_RefusesAReferenceThatIsRevoked() external {
        revoke(_ref);
        refusesRef(_ref);
    }

    function test_RefusesAReferenceFromTheSecondInWhichItExpires() external {
        vm.warp(sample().expiresAt - 1);
        send(0, referring(1, _ref), 0);
        vm.warp(sample().expiresAt);
        Attestation[] memory items = referring(1, _ref);
        items[0].salt = "later";
        refuses(0, items, 0, invalid(items[0]));
    }

    function test_RefusesAReferenceThatIsOnlySealed() external {
        Attestation[] memory items = many(1);
        send(4, items, 0);
        refusesRef(uidOf(items[0]));
    }

    function test_RefusesAllWhenOneItemRefersToNothing() external {
        for (uint256 bad = 0; bad < 3; ++bad) {
            Attestation[] memory items = referring(3, _ref);
            items[bad].ref = "unknown";
            for (uint256 way = 2; way < WAYS; ++way) refuses(way, items, 0, invalid(items[bad]));
            for (uint256 i = 0; i < 3; ++i) nothingIsKnownOf(uidOf(items[i]));
        }
    }

    function test_RefusesAReferenceOfAnotherIssuer() external {
        requires(vm.addr(OTHER_KEY));
        Attestation[] memory items = referring(1, _ref);
        bytes memory error_ = abi.encodeWithSelector(
            RequiredReference.ReferenceByAnother.selector,
            uidOf(items[0]),
            _ref,
            issuer
        );
        for (uint256 way = 0; way < WAYS; ++way) refuses(way, items, 0, error_);
    }

    function test_AcceptsAReferenceOfTheIssuerThatItRequires() external {
        requires(vm.addr(OTHER_KEY));
        Attestation memory theirs = sample();
        theirs.attester = vm.addr(OTHER_KEY);
        accepts(attest(theirs));
    }

    function test_AcceptsAReferenceOfAnybodyIfItRequiresNobody() external {
        accepts(_ref);
    }

    function test_AcceptsAReferenceWithinTheBatchInEitherDirection() external {
        Attestation[] memory items = referring(3, _ref);
        items[0].ref = uidOf(items[1]);
        items[2].ref = uidOf(items[0]);
        send(2, items, 0);
        for (uint256 i = 0; i < 3; ++i) holds(items[i], NOW, false);
    }

    /// What the documentation warns of.
    function test_WhatIsRevokedLaterLeavesTheItemsAsTheyAre() external {
        Attestation[] memory items = referring(1, _ref);
        send(0, items, 0);
        revoke(_ref);
        holds(items[0], NOW, false);
    }

    function requires(address issuer_) private {
        bytes memory arguments = abi.encode(registry, issuer_);
        address made = deployed("RequiredReference.sol:RequiredReference", arguments);
        equal(RequiredReference(made).issuer(), issuer_);
        names(made);
    }

    function referring(uint256 count, bytes32 ref) private view returns (Attestation[] memory items) {
        items = judgedOnes(count);
        for (uint256 i = 0; i < count; ++i) items[i].ref = ref;
    }

    function accepts(bytes32 ref) private {
        for (uint256 way = 0; way < WAYS; ++way) {
            Attestation[] memory items = referring(way < 2 ? 1 : 3, ref);
            for (uint256 i = 0; i < items.length; ++i) items[i].salt = keccak256(abi.encode(way, i));
            send(way, items, 0);
            equal(registry.isValid(uidOf(items[0])), way < 4);
        }
    }

    function refusesRef(bytes32 ref) private {
        Attestation[] memory items = referring(1, ref);
        for (uint256 way = 0; way < WAYS; ++way) refuses(way, items, 0, invalid(items[0]));
        nothingIsKnownOf(uidOf(items[0]));
    }

    function invalid(Attestation memory a) private view returns (bytes memory) {
        return abi.encodeWithSelector(RequiredReference.InvalidReference.selector, uidOf(a), a.ref);
    }
}

/// A payee that refuses, until it does not.
contract Stubborn {
    error NotNow();

    bool private _soft;

    function soften() external {
        _soft = true;
    }

    receive() external payable {
        require(_soft, NotNow());
    }
}

/// A payee that asks again while it is paid.
contract Greedy {
    bool private _paid;

    receive() external payable {
        if (_paid) return;
        _paid = true;
        Fee(msg.sender).withdraw();
    }
}
