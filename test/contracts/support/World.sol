// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation, Statement} from "../../../contracts/types/Attestation.sol";
import {Record} from "../../../contracts/types/Record.sol";
import {Check} from "./Check.sol";
import {Digests} from "./Digests.sol";
import {Packing} from "./Packing.sol";
import {vm} from "./Vm.sol";

/// Issuers, relayers and attackers at work on one registry, and what its slots must hold because of it.
/// Statements are drawn from a small set, so that the same one comes up again and again at every entry.
contract World is Check {
    /// What the registry must know of a uid. `attester` is zero as long as that is nothing.
    struct Ghost {
        address attester;
        uint40 recordedAt;
        uint40 expiresAt;
        bool revocable;
        bool revoked;
    }

    uint256 public constant START = 1_800_000_000;
    uint256 private constant KEYS = 3;

    IAttestationRegistry public immutable registry;
    bytes32 private immutable _schema;

    /// The clock. Not block.timestamp: the compiler takes that for a constant within one call.
    uint256 public time = START;
    bytes32[] public seen;
    mapping(bytes32 uid => Ghost) public ghosts;
    mapping(bytes32 uid => Record) private _last;
    mapping(bytes32 uid => Attestation) private _bodies;

    constructor(IAttestationRegistry registry_, bytes32 schema_) {
        registry = registry_;
        _schema = schema_;
        vm.warp(START);
    }

    /// Time is reset between calls of a run unless it is set again.
    modifier step() {
        vm.warp(time);
        _;
        movedForward();
    }

    function attest(uint256 pick) external step {
        Attestation memory a = statement(pick);
        vm.prank(a.attester);
        equal(registry.attest(a), recorded(a));
    }

    function attestSigned(uint256 pick) external step {
        Attestation memory a = statement(pick);
        bytes memory signature = signed(pick, Digests.uid(address(registry), a));
        equal(registry.attestSigned(a, signature), recorded(a));
    }

    function record(uint256 pick, uint256 picks, uint256 count, bool direct) external step {
        count = within(count, 1, 6);
        Attestation[] memory items = new Attestation[](count);
        for (uint256 i = 0; i < count; ++i) {
            // One issuer, any of its statements, duplicates included.
            items[i] = statement(
                (pick % KEYS) + KEYS * (uint256(keccak256(abi.encode(picks, i))) / 4 / KEYS)
            );
        }
        bytes memory packed = Packing.pack(items);
        Batch memory batch = Batch(items[0].attester, _schema, 0, 0, uint40(time));
        bytes memory signature;
        if (direct) vm.prank(batch.attester);
        else signature = signed(pick, Digests.batch(address(registry), batch, packed));
        uint256 got = registry.record(batch, packed, signature);
        uint256 want;
        for (uint256 i = 0; i < count; ++i) {
            if (ghosts[Digests.uid(address(registry), items[i])].attester == address(0)) ++want;
            recorded(items[i]);
        }
        equal(got, want);
    }

    function revoke(uint256 pick, bool direct) external step {
        Attestation memory a = statement(pick);
        bytes32 uid = Digests.uid(address(registry), a);
        bytes32[] memory uids = new bytes32[](1);
        uids[0] = uid;
        if (ghosts[uid].attester == address(0) || !a.revocable) return;

        if (direct) {
            vm.prank(a.attester);
            registry.revoke(uids, "");
        } else {
            bytes32 digest = Digests.revocation(address(registry), a.attester, uids, "", uint40(time));
            registry.revokeSigned(a.attester, uids, "", uint40(time), signed(pick, digest));
        }
        ghosts[uid].revoked = true;
    }

    function revokeUnrecorded(uint256 pick, bool direct) external step {
        Attestation memory a = statement(pick);
        if (!a.revocable) return;
        bytes32 uid = Digests.uid(address(registry), a);
        bytes32[] memory uids = new bytes32[](1);
        uids[0] = uid;
        bytes memory signature;
        if (direct) vm.prank(a.attester);
        else {
            bytes32 digest = Digests.revocation(address(registry), a.attester, uids, "", uint40(time));
            signature = signed(pick, digest);
        }
        registry.revokeUnrecorded(bodiless(a), "", uint40(time), signature);
        if (ghosts[uid].attester == address(0)) know(uid, a, 0);
        ghosts[uid].revoked = true;
    }

    /// Everything that somebody without the issuer's key can try, with another issuer's signature at hand.
    function attack(uint256 pick, uint256 otherKey, uint256 way) external step {
        Attestation memory a = statement(pick);
        uint256 attackerKey = (pick % KEYS) + 1 + (otherKey % (KEYS - 1));
        address attacker = vm.addr(key(attackerKey));
        bytes32 uid = Digests.uid(address(registry), a);
        bytes32[] memory uids = new bytes32[](1);
        uids[0] = uid;
        Batch memory batch = Batch(a.attester, _schema, 0, 0, uint40(time));
        Attestation[] memory items = new Attestation[](1);
        items[0] = a;
        bytes memory packed = Packing.pack(items);
        bytes32 ofBatch = Digests.batch(address(registry), batch, packed);
        bytes32 ofRevocation = Digests.revocation(address(registry), a.attester, uids, "", uint40(time));

        bytes memory data;
        way %= 7;
        if (way == 0) data = abi.encodeCall(registry.attest, (a));
        else if (way == 1) data = abi.encodeCall(registry.attestSigned, (a, signed(attackerKey, uid)));
        else if (way == 2) data = abi.encodeCall(registry.record, (batch, packed, ""));
        else if (way == 3) {
            data = abi.encodeCall(registry.record, (batch, packed, signed(attackerKey, ofBatch)));
        } else if (way == 4) data = abi.encodeCall(registry.revoke, (uids, ""));
        else if (way == 5) {
            bytes memory forged = signed(attackerKey, ofRevocation);
            data = abi.encodeCall(registry.revokeSigned, (a.attester, uids, "", uint40(time), forged));
        } else {
            data = abi.encodeCall(registry.revokeUnrecorded, (bodiless(a), "", uint40(time), ""));
        }
        vm.prank(attacker);
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

    function seenCount() external view returns (uint256) {
        return seen.length;
    }

    function body(bytes32 uid) external view returns (Attestation memory) {
        return _bodies[uid];
    }

    /// One of 3 issuers × 4 salts × 3 expiries × 2: who, what, until when, revocable or not.
    function statement(uint256 pick) private view returns (Attestation memory) {
        uint256 rest = pick / KEYS;
        return
            Attestation({
                schema: _schema,
                attester: vm.addr(key(pick)),
                recipient: address(uint160((rest % 4) / 2)),
                ref: 0,
                expiresAt: [0, uint40(START + 600), uint40(START + 6000)][(rest / 4) % 3],
                revocable: (rest / 12) % 4 != 0,
                salt: bytes32((rest % 4) << 192),
                data: ""
            });
    }

    function key(uint256 pick) private pure returns (uint256) {
        return 0xB0B + (pick % KEYS);
    }

    function signed(uint256 pick, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key(pick), digest);
        return abi.encodePacked(r, s, v);
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

    function recorded(Attestation memory a) private returns (bytes32 uid) {
        uid = Digests.uid(address(registry), a);
        if (ghosts[uid].attester == address(0)) know(uid, a, uint40(time));
    }

    function know(bytes32 uid, Attestation memory a, uint40 recordedAt) private {
        seen.push(uid);
        ghosts[uid] = Ghost(a.attester, recordedAt, a.expiresAt, a.revocable, false);
        _bodies[uid] = a;
    }

    /// From empty to recorded or revoked, then at most to revoked; nothing else of a slot ever changes.
    function movedForward() private {
        Record[] memory records = registry.recordsOf(seen);
        for (uint256 i = 0; i < records.length; ++i) {
            Record last = _last[seen[i]];
            bool same = Record.unwrap(records[i]) == Record.unwrap(last);
            bool revoked = Record.unwrap(records[i]) == Record.unwrap(last.revoke());
            yes(!records[i].isEmpty() && (last.isEmpty() || same || revoked), "a slot moved back");
            _last[seen[i]] = records[i];
        }
    }
}
