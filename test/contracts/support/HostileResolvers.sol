// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch, IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {IResolver} from "../../../contracts/interfaces/IResolver.sol";
import {Attestation, Statement} from "../../../contracts/types/Attestation.sol";
import {Packing} from "./Packing.sol";
import {Trees} from "./Trees.sol";
import {MAGIC} from "./Wallets.sol";

/// Agrees, and keeps word for word what it was asked and what it could read meanwhile.
contract Witness is IResolver {
    uint256 public calls;
    uint256 public value;
    bytes public question;
    bytes public sight;

    event Asked();

    function onAttested(
        address,
        uint8,
        Batch calldata batch,
        bytes32[] calldata uids,
        bytes calldata
    ) external payable returns (bytes4) {
        ++calls;
        value = msg.value;
        question = msg.data;
        sight = look(IAttestationRegistry(msg.sender), batch, uids);
        emit Asked();
        return IResolver.onAttested.selector;
    }

    /// Which uids are valid, at what level their root is known, and where the stream ends.
    function look(
        IAttestationRegistry registry,
        Batch calldata batch,
        bytes32[] memory uids
    ) public view returns (bytes memory) {
        bool[] memory valid = new bool[](uids.length);
        for (uint256 i = 0; i < uids.length; ++i) valid[i] = registry.isValid(uids[i]);
        (uint8 level, , uint40 count, bool judged, , ) = registry.rootOf(
            batch.attester,
            batch.schema,
            Trees.rootOf(uids)
        );
        return abi.encode(valid, level, count, judged, registry.headOf(batch.attester, batch.stream));
    }
}

/// Agrees, and before that makes the calls that it was given, one after the other; those that it makes while it is asked
/// because of one of them come first.
contract Reentrant is IResolver {
    struct Act {
        address target;
        uint256 value;
        bytes data;
    }

    struct Outcome {
        bool ok;
        bytes answer;
    }

    uint256 public calls;
    Act[] private _acts;
    uint256 private _next;
    mapping(uint256 act => Outcome) private _outcomes;

    function plan(address target, uint256 value, bytes calldata data) external {
        _acts.push(Act(target, value, data));
    }

    function outcomeOf(uint256 act) external view returns (Outcome memory) {
        return _outcomes[act];
    }

    function onAttested(
        address,
        uint8,
        Batch calldata,
        bytes32[] calldata,
        bytes calldata
    ) external payable returns (bytes4) {
        ++calls;
        while (_next < _acts.length) {
            uint256 act = _next++;
            (bool ok, bytes memory answer) = _acts[act].target.call{value: _acts[act].value}(_acts[act].data);
            _outcomes[act] = Outcome(ok, answer);
        }
        return IResolver.onAttested.selector;
    }
}

/// Agrees, and uses its turn to speak for itself at every level, also under the schema that it is asked about; and when
/// it is asked about that, it speaks once more, in the very stream that is being appended to.
contract Busy is IResolver {
    IAttestationRegistry private immutable _registry;
    bytes32 private immutable _plain;
    bytes32 public constant STREAM = "its own";

    uint64 public count;
    bytes32 public hash;
    bool private _asked;

    constructor(IAttestationRegistry registry, bytes32 plain) {
        _registry = registry;
        _plain = plain;
    }

    function onAttested(
        address,
        uint8,
        Batch calldata batch,
        bytes32[] calldata uids,
        bytes calldata
    ) external payable returns (bytes4) {
        if (_asked) {
            if (batch.stream != 0) append(uids[0]);
            record(_plain, "more");
        } else {
            _asked = true;
            say(batch.schema);
            say(_plain);
            _asked = false;
        }
        return IResolver.onAttested.selector;
    }

    /// Signs whatever it is asked about.
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return MAGIC;
    }

    function say(bytes32 schema) private {
        bytes32[] memory uids = new bytes32[](1);
        uids[0] = record(schema, "record");
        _registry.revoke(uids, "");
        (Batch memory batch, Attestation[] memory items) = next(schema, "seal");
        bytes32 root = _registry.seal(batch, Packing.pack(items), "");
        if (schema == _plain) append(root);
        (batch.stream, batch.position) = (0, 0);
        _registry.anchor(batch, keccak256(abi.encode(root)), 1, "");

        (, items) = next(schema, "signed");
        _registry.anchorSigned(bodiless(items[0]), "");
        _registry.sealSigned(items[0], "");
    }

    function record(bytes32 schema, bytes32 salt) private returns (bytes32 uid) {
        (Batch memory batch, Attestation[] memory items) = next(schema, salt);
        _registry.record(batch, Packing.pack(items), "");
        uid = _registry.uidOf(items[0]);
        // Under the other schema it was asked meanwhile.
        if (schema == _plain) append(uid);
    }

    function next(
        bytes32 schema,
        bytes32 salt
    ) private view returns (Batch memory batch, Attestation[] memory items) {
        salt = keccak256(abi.encode(salt, count));
        items = new Attestation[](1);
        items[0] = Attestation(schema, address(this), address(0), 0, 0, true, salt, "");
        batch = Batch(address(this), schema, STREAM, count, 0);
    }

    function bodiless(Attestation memory a) private pure returns (Statement memory) {
        return
            Statement(
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

    function append(bytes32 uid) private {
        hash = keccak256(abi.encodePacked(hash, uid));
        ++count;
    }
}

/// Reverts with words of its own.
contract Objecting is IResolver {
    error Objection(bytes32 firstUid, uint256 value);

    function onAttested(
        address,
        uint8,
        Batch calldata,
        bytes32[] calldata uids,
        bytes calldata
    ) external payable returns (bytes4) {
        revert Objection(uids[0], msg.value);
    }
}

/// Answers with as many bytes as it was made with, the selector first.
contract Verbose {
    uint256 private immutable _length;
    bool private immutable _reverts;

    constructor(uint256 length, bool reverts) {
        _length = length;
        _reverts = reverts;
    }

    fallback() external payable {
        uint256 length = _length;
        bytes4 selector = IResolver.onAttested.selector;
        if (_reverts) {
            assembly {
                revert(0, length)
            }
        }
        assembly {
            mstore(0, selector)
            return(0, length)
        }
    }
}

/// Burns all the gas that it is given.
contract Devouring {
    fallback() external payable {
        assembly {
            invalid()
        }
    }
}
