// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../../contracts/types/Attestation.sol";
import {SEAL} from "../../../contracts/types/Batch.sol";
import {Record} from "../../../contracts/types/Record.sol";
import {Root} from "../../../contracts/types/Root.sol";
import {Check} from "./Check.sol";
import {Digests} from "./Digests.sol";

/// What a registry must hold because of what World did, kept without a look at the registry.
abstract contract Ghosts is Check {
    /// What the registry must know of a uid. `attester` is zero as long as that is nothing.
    struct Ghost {
        address attester;
        uint40 recordedAt;
        uint40 expiresAt;
        bool revocable;
        bool revoked;
    }

    /// What the registry must know of a root, and the uids that it was made of.
    struct GhostRoot {
        address attester;
        bytes32 schema;
        bytes32 root;
        uint8 level;
        uint40 committedAt;
        uint40 since;
        uint40 count;
        bool judged;
        bytes32[] uids;
    }

    /// What was appended to a stream at once: a uid, or a root with its count.
    struct Link {
        bytes32 hash;
        uint40 count;
    }

    IAttestationRegistry public immutable registry;
    bytes32[] public seen;
    mapping(bytes32 uid => Ghost) public ghosts;
    mapping(bytes32 uid => Attestation) internal bodies;

    uint256 public lastRoot;
    GhostRoot[] internal roots;
    mapping(address => mapping(bytes32 schema => mapping(bytes32 root => uint256 place))) private _places;
    mapping(uint256 root => mapping(uint256 leaf => bool)) public leafRevoked;
    mapping(address attester => mapping(bytes32 stream => Link[])) private _links;
    mapping(address attester => mapping(bytes32 stream => uint64)) public countOf;

    mapping(bytes32 uid => Record) private _lastRecord;
    mapping(uint256 root => Root) private _lastRoot;

    constructor(IAttestationRegistry registry_) {
        registry = registry_;
        // Place zero is nobody's.
        roots.push();
    }

    function seenCount() external view returns (uint256) {
        return seen.length;
    }

    function body(bytes32 uid) external view returns (Attestation memory) {
        return bodies[uid];
    }

    /// Roots count from one.
    function rootCount() public view returns (uint256) {
        return roots.length - 1;
    }

    function rootAt(uint256 place) external view returns (GhostRoot memory) {
        return roots[place];
    }

    function linksOf(address attester, bytes32 stream) external view returns (Link[] memory) {
        return _links[attester][stream];
    }

    function uidOf(Attestation memory a) internal view returns (bytes32) {
        return Digests.uid(address(registry), a);
    }

    function isKnown(Attestation memory a) internal view returns (bool) {
        return ghosts[uidOf(a)].attester != address(0);
    }

    /// Not one of them is known, and no two are the same.
    function areNew(Attestation[] memory items) internal view returns (bool) {
        for (uint256 i = 0; i < items.length; ++i) {
            if (isKnown(items[i])) return false;
            for (uint256 j = 0; j < i; ++j) if (uidOf(items[i]) == uidOf(items[j])) return false;
        }
        return true;
    }

    function know(Attestation memory a, uint256 recordedAt) internal returns (bytes32 uid) {
        uid = uidOf(a);
        if (isKnown(a)) return uid;
        seen.push(uid);
        ghosts[uid] = Ghost(a.attester, uint40(recordedAt), a.expiresAt, a.revocable, false);
        bodies[uid] = a;
    }

    function placeOf(Batch memory batch, bytes32 root) internal view returns (uint256) {
        return _places[batch.attester][batch.schema][root];
    }

    function commit(
        Batch memory batch,
        bytes32 root,
        GhostRoot memory ghost,
        Attestation[] memory items
    ) internal {
        uint256 place = placeOf(batch, root);
        if (place == 0) {
            place = roots.length;
            roots.push();
            _places[batch.attester][batch.schema][root] = place;
            ghost.since = ghost.committedAt;
        } else {
            ghost.since = roots[place].since;
        }
        lastRoot = place;
        (ghost.attester, ghost.schema, ghost.root) = (batch.attester, batch.schema, root);
        ghost.uids = new bytes32[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            ghost.uids[i] = uidOf(items[i]);
            bodies[ghost.uids[i]] = items[i];
        }
        roots[place] = ghost;
    }

    function append(Batch memory batch, bytes32 hash, uint40 count) internal {
        if (batch.stream == 0) return;
        _links[batch.attester][batch.stream].push(Link(hash, count));
        countOf[batch.attester][batch.stream] += count == 0 ? 1 : count;
    }

    /// From empty to recorded or revoked, then at most to revoked; nothing else of a slot ever changes.
    function slotsMovedForward() internal {
        Record[] memory records = registry.recordsOf(seen);
        for (uint256 i = 0; i < records.length; ++i) {
            Record last = _lastRecord[seen[i]];
            if (Record.unwrap(records[i]) == Record.unwrap(last) && !last.isEmpty()) continue;
            bool revoked = Record.unwrap(records[i]) == Record.unwrap(last.revoke());
            yes(!records[i].isEmpty() && (last.isEmpty() || revoked), "a slot moved back");
            _lastRecord[seen[i]] = records[i];
        }
    }

    /// From unknown to anchored or sealed, then at most from anchored to sealed, and at most to thinned.
    function rootsMovedForward() internal {
        for (uint256 place = 1; place < roots.length; ++place) {
            GhostRoot storage ghost = roots[place];
            (Root now_, ) = registry.standingOf(ghost.attester, ghost.schema, ghost.root, 0);
            Root last = _lastRoot[place];
            if (Root.unwrap(now_) == Root.unwrap(last)) {
                yes(!now_.isEmpty(), "a root is not there");
                continue;
            }
            _lastRoot[place] = now_;
            yes(!last.isThinned() || now_.isThinned(), "a leaf was revived");
            if (last.isEmpty() || Root.unwrap(last.thin()) == Root.unwrap(now_)) continue;
            yes(last.level() > SEAL && now_.level() == SEAL, "a root moved back");
        }
    }
}
