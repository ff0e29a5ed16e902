// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation, Statement} from "../../../contracts/types/Attestation.sol";
import {ANCHOR, RECORD, SEAL} from "../../../contracts/types/Batch.sol";
import {Digests} from "./Digests.sol";
import {Ghosts} from "./Ghosts.sol";
import {Packing} from "./Packing.sol";
import {Trees} from "./Trees.sol";
import {vm} from "./Vm.sol";

/// Issuers, relayers and attackers at work on one registry, under a schema without a resolver and one with.
/// Statements are drawn from a small set, so that the same one comes up again and again at every entry.
contract World is Ghosts {
    /// A batch that an issuer means to send, or to have sent.
    struct Plan {
        uint256 pick;
        Batch batch;
        Attestation[] items;
        bytes packed;
        uint256 value;
        bool direct;
        bool inPlace;
        bool alone;
    }

    uint256 public constant START = 1_800_000_000;
    uint256 private constant KEYS = 3;
    uint256 private constant STATEMENTS = 24;
    uint256 private constant PICKS = 2 * KEYS * STATEMENTS;
    // Bits of a style. The position is right if any of the last is set: seven times out of eight.
    uint256 private constant DIRECT = 1;
    uint256 private constant FRESH = 2;
    uint256 private constant STREAMED = 4;
    uint256 private constant ALONE = 8;
    uint256 private constant IN_PLACE = 0xe0;

    bytes32 private immutable _plain;
    bytes32 private immutable _judged;

    /// The clock. Not block.timestamp: the compiler takes that for a constant within one call.
    uint256 public time = START;
    /// What resolvers were given in all.
    uint256 public paid;

    constructor(IAttestationRegistry registry_, bytes32 plain, bytes32 judged) Ghosts(registry_) {
        (_plain, _judged) = (plain, judged);
        vm.warp(START);
    }

    /// Time is reset between calls of a run unless it is set again.
    modifier step() {
        vm.warp(time);
        _;
        slotsMovedForward();
        rootsMovedForward();
    }

    function attest(uint256 pick) external step {
        Attestation memory a = statement(pick);
        single(a, a.attester, abi.encodeCall(registry.attest, (a)));
    }

    function attestSigned(uint256 pick) external step {
        Attestation memory a = statement(pick);
        single(a, address(this), abi.encodeCall(registry.attestSigned, (a, signed(pick, uidOf(a)))));
    }

    function record(uint256 pick, uint256 picks, uint256 style) external step {
        Plan memory plan = planned(pick, picks, style);
        uint256 count = plan.items.length;
        if (count == 0) return;
        bool once = plan.batch.stream != 0 || plan.batch.schema == _judged;
        bool want = plan.inPlace && !(once && !areNew(plan.items));
        bytes memory signature = signatureOf(plan, RECORD, plan.packed);

        bytes memory answer = send(
            plan,
            abi.encodeCall(registry.record, (plan.batch, plan.packed, signature)),
            want
        );
        if (!want) return;
        uint256 before = seen.length;
        for (uint256 i = 0; i < count; ++i) append(plan.batch, know(plan.items[i], time), 0);
        equal(abi.decode(answer, (uint256)), seen.length - before);
    }

    function seal(uint256 pick, uint256 picks, uint256 style) external step {
        Plan memory plan = planned(pick, picks, style);
        if (plan.items.length != 0) seal(plan);
    }

    function anchor(uint256 pick, uint256 picks, uint256 style) external step {
        Plan memory plan = planned(pick, picks, style);
        if (plan.items.length != 0) anchor(plan, style);
    }

    /// What was sealed or anchored before, at either level.
    function commitAgain(uint256 pick, uint256 style) external step {
        if (rootCount() == 0) return;
        GhostRoot memory ghost = roots[1 + (pick % rootCount())];
        Attestation[] memory items = new Attestation[](ghost.uids.length);
        for (uint256 i = 0; i < items.length; ++i) items[i] = bodies[ghost.uids[i]];
        Plan memory plan = planOf(pickOf(ghost.attester), items, style);
        if (style % 4 < 3) seal(plan);
        else anchor(plan, style);
    }

    function revoke(uint256 pick, bool direct) external step {
        Attestation memory a = statement(pick);
        bytes32 uid = uidOf(a);
        if (!isKnown(a) || !a.revocable) return;

        if (direct) {
            vm.prank(a.attester);
            registry.revoke(one(uid), "");
        } else {
            bytes32 digest = Digests.revocation(address(registry), a.attester, one(uid), "", uint40(time));
            registry.revokeSigned(a.attester, one(uid), "", uint40(time), signed(pick, digest));
        }
        ghosts[uid].revoked = true;
    }

    function revokeUnrecorded(uint256 pick, bool direct) external step {
        Attestation memory a = statement(pick);
        if (!a.revocable) return;
        bytes memory signature;
        bytes32[] memory uids = one(uidOf(a));
        if (direct) vm.prank(a.attester);
        else {
            bytes32 digest = Digests.revocation(address(registry), a.attester, uids, "", uint40(time));
            signature = signed(pick, digest);
        }
        registry.revokeUnrecorded(bodiless(a), "", uint40(time), signature);
        ghosts[know(a, 0)].revoked = true;
    }

    function revokeLeaves(uint256 pick, uint256 index, bool direct) external step {
        if (rootCount() == 0) return;
        uint256 place = 1 + (pick % rootCount());
        GhostRoot memory ghost = roots[place];
        uint256[] memory indices = new uint256[](1);
        indices[0] = index % ghost.count;
        bytes memory signature;
        if (direct) vm.prank(ghost.attester);
        else signature = signed(pickOf(ghost.attester), ofLeaves(ghost, indices));
        registry.revokeLeaves(ghost.attester, ghost.schema, ghost.root, indices, "", uint40(time), signature);
        leafRevoked[place][indices[0]] = true;
        lastRoot = place;
    }

    /// Everything that somebody without the issuer's key can try, with another issuer's signature at hand.
    function attack(uint256 pick, uint256 otherKey, uint256 way) external step {
        way %= 18;
        // There is a root to attack.
        if (way > 15 && lastRoot != 0) pick = pickOf(roots[lastRoot].attester);
        Attestation[] memory items = new Attestation[](1);
        items[0] = statement(pick);
        Plan memory plan = planOf(pick, items, IN_PLACE);
        uint256 attackerKey = (pick % KEYS) + 1 + (otherKey % (KEYS - 1));
        bytes memory data =
            way < 8 ? attackOnRecords(plan, attackerKey, way) : attackOnRoots(plan, attackerKey, way);

        vm.prank(vm.addr(key(attackerKey)));
        (bool ok, ) = address(registry).call(data);
        yes(!ok, "an attack went through");
    }

    function pay(uint256 value, bytes4 selector) external step {
        vm.deal(address(this), within(value, 1, 1 ether));
        (bool ok, ) = address(registry).call{value: address(this).balance}(abi.encode(selector));
        yes(!ok, "ETH went in");
    }

    function wait_(uint256 seconds_) external {
        time += within(seconds_, 1, 400);
    }

    function issuerAt(uint256 pick) external pure returns (address) {
        return vm.addr(key(pick));
    }

    function streamAt(uint256 pick) public pure returns (bytes32) {
        return pick % 2 == 0 ? bytes32("first") : bytes32(type(uint256).max);
    }

    function single(Attestation memory a, address sender, bytes memory data) private {
        bool want = a.schema != _judged || !isKnown(a);
        uint256 value = a.schema == _judged ? 1 : 0;
        vm.deal(sender, value);
        vm.prank(sender);
        (bool ok, bytes memory answer) = address(registry).call{value: value}(data);
        equal(ok, want);
        if (!ok) return;
        paid += value;
        equal(abi.decode(answer, (bytes32)), know(a, time));
    }

    function seal(Plan memory plan) private {
        bytes32 root = Trees.rootOf(uidsOf(plan.items));
        uint256 place = placeOf(plan.batch, root);
        bool isSealed = place != 0 && roots[place].level == SEAL;
        bool once = plan.batch.stream != 0 || plan.batch.schema == _judged;
        bool want = plan.inPlace && !(once && isSealed);
        // A resolver is not asked about a statement that is recorded or revoked, if it comes by itself.
        if (plan.alone && plan.batch.schema == _judged && isKnown(plan.items[0])) want = false;

        bytes memory answer = send(plan, sealingOf(plan), want);
        if (!want) return;
        equal(abi.decode(answer, (bytes32)), root);
        if (isSealed) return;
        commit(plan.batch, root, ghostRoot(plan, SEAL, uint40(plan.items.length)), plan.items);
        for (uint256 i = 0; i < plan.items.length; ++i) append(plan.batch, uidOf(plan.items[i]), 0);
    }

    function attackOnRecords(
        Plan memory plan,
        uint256 attackerKey,
        uint256 way
    ) private view returns (bytes memory) {
        Attestation memory a = plan.items[0];
        bytes32[] memory uids = one(uidOf(a));
        bytes memory forged;
        if (way == 0) return abi.encodeCall(registry.attest, (a));
        if (way == 1) return abi.encodeCall(registry.attestSigned, (a, signed(attackerKey, uids[0])));
        if (way == 2) return abi.encodeCall(registry.record, (plan.batch, plan.packed, ""));
        if (way == 3) {
            forged = signed(attackerKey, ofBatch(plan, RECORD, plan.packed));
            return abi.encodeCall(registry.record, (plan.batch, plan.packed, forged));
        }
        if (way == 4) return abi.encodeCall(registry.revoke, (uids, ""));
        forged = signed(
            attackerKey,
            Digests.revocation(address(registry), a.attester, uids, "", uint40(time))
        );
        if (way == 5) {
            return abi.encodeCall(registry.revokeSigned, (a.attester, uids, "", uint40(time), forged));
        }
        if (way == 6) forged = "";
        return abi.encodeCall(registry.revokeUnrecorded, (bodiless(a), "", uint40(time), forged));
    }

    function attackOnRoots(
        Plan memory plan,
        uint256 attackerKey,
        uint256 way
    ) private view returns (bytes memory) {
        bytes32 uid = uidOf(plan.items[0]);
        bytes memory forged;
        if (way == 8) return abi.encodeCall(registry.seal, (plan.batch, plan.packed, ""));
        if (way == 9) {
            forged = signed(attackerKey, ofBatch(plan, SEAL, plan.packed));
            return abi.encodeCall(registry.seal, (plan.batch, plan.packed, forged));
        }
        if (way == 10) {
            // The issuer's own, for another level.
            forged = signed(plan.pick, ofBatch(plan, RECORD, plan.packed));
            return abi.encodeCall(registry.seal, (plan.batch, plan.packed, forged));
        }
        if (way == 11) return abi.encodeCall(registry.anchor, (plan.batch, uid, 1, ""));
        if (way == 12) {
            forged = signed(attackerKey, ofBatch(plan, ANCHOR, abi.encodePacked(uid, uint40(1))));
            return abi.encodeCall(registry.anchor, (plan.batch, uid, 1, forged));
        }
        // Another's signature over the statement, as if it were the issuer's.
        if (way == 13) {
            forged = signed(attackerKey, uid);
            return abi.encodeCall(registry.anchorSigned, (bodiless(plan.items[0])[0], forged));
        }
        if (way == 14) {
            return abi.encodeCall(registry.sealSigned, (plan.items[0], signed(attackerKey, uid)));
        }
        if (way == 15) {
            // The issuer's own, over the same under the other schema.
            forged = signed(plan.pick, uidOf(statement((plan.pick % PICKS) + KEYS)));
            return abi.encodeCall(registry.anchorSigned, (bodiless(plan.items[0])[0], forged));
        }
        GhostRoot memory ghost = roots[lastRoot];
        uint256[] memory indices = new uint256[](1);
        if (way == 17) forged = signed(attackerKey, ofLeaves(ghost, indices));
        return
            abi.encodeCall(
                registry.revokeLeaves,
                (plan.batch.attester, ghost.schema, ghost.root, indices, "", uint40(time), forged)
            );
    }

    function anchor(Plan memory plan, uint256 style) private {
        plan.value = 0;
        bytes32 root = Trees.rootOf(uidsOf(plan.items));
        uint40 count = uint40(plan.items.length);
        // An issuer may say that there are more than there are, or less.
        if (style % 7 == 0 && !plan.alone) count = uint40(within(style >> 32, 1, 5));
        uint256 place = placeOf(plan.batch, root);
        bool want = plan.inPlace && !(place != 0 && plan.batch.stream != 0);

        bytes memory answer = send(plan, anchoringOf(plan, root, count), want);
        if (plan.alone) equal(abi.decode(answer, (bytes32)), root);
        if (!want || place != 0) return;
        commit(plan.batch, root, ghostRoot(plan, ANCHOR, count), plan.items);
        append(plan.batch, root, count);
    }

    /// Some statements of one issuer under one schema, with duplicates and known ones, or only such as are not known.
    function planned(uint256 pick, uint256 picks, uint256 style) private view returns (Plan memory) {
        Attestation[] memory items = new Attestation[](1 + ((picks >> 16) % 4));
        uint256 stride = style & FRESH != 0 ? 1 : (picks >> 8) % 3;
        uint256 found;
        for (uint256 i = 0; i < STATEMENTS && found < items.length; ++i) {
            Attestation memory a = statement(
                (pick % (2 * KEYS)) + 2 * KEYS * ((picks % STATEMENTS) + i * stride)
            );
            if (style & FRESH == 0 || !isKnown(a)) items[found++] = a;
        }
        assembly {
            mstore(items, found)
        }
        return planOf(pick, items, style);
    }

    function planOf(
        uint256 pick,
        Attestation[] memory items,
        uint256 style
    ) private view returns (Plan memory plan) {
        if (items.length == 0) return plan;
        plan.pick = pick;
        plan.items = items;
        plan.packed = Packing.pack(items);
        plan.direct = style & DIRECT != 0;
        plan.inPlace = style & IN_PLACE != 0;
        plan.batch = Batch(items[0].attester, items[0].schema, 0, 0, uint40(time));
        if (style & STREAMED != 0) plan.batch.stream = streamAt(style >> 8);
        plan.batch.position = countOf[plan.batch.attester][plan.batch.stream];
        if (plan.batch.stream == 0 && items.length == 1 && style & ALONE != 0)
            plan.alone = plan.inPlace = true;
        if (!plan.inPlace) ++plan.batch.position;
        if (plan.batch.schema == _judged) plan.value = (style >> 16) % 3;
    }

    /// One item may be carried by the issuer's signature over itself: then there is no position to be wrong.
    function sealingOf(Plan memory plan) private view returns (bytes memory) {
        if (plan.alone) return abi.encodeCall(registry.sealSigned, (plan.items[0], ofItself(plan)));
        bytes memory signature = signatureOf(plan, SEAL, plan.packed);
        return abi.encodeCall(registry.seal, (plan.batch, plan.packed, signature));
    }

    function anchoringOf(Plan memory plan, bytes32 root, uint40 count) private view returns (bytes memory) {
        if (plan.alone) {
            return abi.encodeCall(registry.anchorSigned, (bodiless(plan.items[0])[0], ofItself(plan)));
        }
        bytes memory signature = signatureOf(plan, ANCHOR, abi.encodePacked(root, count));
        return abi.encodeCall(registry.anchor, (plan.batch, root, count, signature));
    }

    /// Needed of the issuer, too.
    function ofItself(Plan memory plan) private view returns (bytes memory) {
        return signed(plan.pick, uidOf(plan.items[0]));
    }

    function send(Plan memory plan, bytes memory data, bool want) private returns (bytes memory answer) {
        address sender = plan.direct ? plan.batch.attester : address(this);
        bool ok;
        vm.deal(sender, plan.value);
        vm.prank(sender);
        (ok, answer) = address(registry).call{value: plan.value}(data);
        if (ok != want) revert DifferentBytes(answer, abi.encode(want));
        if (ok) paid += plan.value;
    }

    function signatureOf(
        Plan memory plan,
        uint8 level,
        bytes memory content
    ) private view returns (bytes memory) {
        if (plan.direct) return "";
        return signed(plan.pick, ofBatch(plan, level, content));
    }

    function ofBatch(Plan memory plan, uint8 level, bytes memory content) private view returns (bytes32) {
        return Digests.batch(address(registry), plan.batch, content, level, plan.value);
    }

    function ofLeaves(GhostRoot memory ghost, uint256[] memory indices) private view returns (bytes32) {
        return
            Digests.leafRevocation(
                address(registry),
                ghost.attester,
                ghost.schema,
                ghost.root,
                indices,
                "",
                uint40(time)
            );
    }

    function ghostRoot(
        Plan memory plan,
        uint8 level,
        uint40 count
    ) private view returns (GhostRoot memory ghost) {
        ghost.level = level;
        ghost.count = count;
        ghost.committedAt = uint40(time);
        ghost.judged = level == SEAL || plan.batch.schema == _plain;
    }

    /// One of 3 issuers × 2 schemas × 4 salts × 3 expiries × 2: who, what, until when, revocable or not.
    function statement(uint256 pick) private view returns (Attestation memory) {
        uint256 rest = pick / KEYS / 2;
        return
            Attestation({
                schema: (pick / KEYS) % 2 == 0 ? _plain : _judged,
                attester: vm.addr(key(pick)),
                recipient: address(uint160((rest % 4) / 2)),
                ref: 0,
                expiresAt: [0, uint40(START + 600), uint40(START + 6000)][(rest / 4) % 3],
                revocable: (rest / 12) % 2 == 0,
                salt: bytes32((rest % 4) << 192),
                data: ""
            });
    }

    function key(uint256 pick) private pure returns (uint256) {
        return 0xB0B + (pick % KEYS);
    }

    function pickOf(address issuer) private pure returns (uint256 pick) {
        while (vm.addr(key(pick)) != issuer) ++pick;
    }

    function signed(uint256 pick, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(pick), digest);
        return abi.encodePacked(r, s, v);
    }

    function uidsOf(Attestation[] memory items) private view returns (bytes32[] memory uids) {
        uids = new bytes32[](items.length);
        for (uint256 i = 0; i < uids.length; ++i) uids[i] = uidOf(items[i]);
    }

    function one(bytes32 uid) private pure returns (bytes32[] memory uids) {
        uids = new bytes32[](1);
        uids[0] = uid;
    }

    function bodiless(Attestation memory a) private pure returns (Statement[] memory list) {
        list = new Statement[](1);
        list[0] = Statement(
            a.schema,
            a.attester,
            a.recipient,
            a.ref,
            a.expiresAt,
            a.revocable,
            a.salt,
            keccak256(a.data)
        );
    }
}
