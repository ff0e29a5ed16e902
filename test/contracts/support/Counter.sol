// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {ISchemaRegistry} from "../../../contracts/interfaces/ISchemaRegistry.sol";
import {AttestationLib, Encoded} from "../../../contracts/types/Attestation.sol";
import {Batch} from "../../../contracts/types/Batch.sol";
import {Items} from "../../../contracts/types/Items.sol";
import {Record, RecordLib} from "../../../contracts/types/Record.sol";

/// A registry that forgives nothing: what is recorded twice is counted twice. It answers to all that the submitter
/// calls, in one slot an item as the registry does, so that the same gas suffices; signatures are not looked at.
contract Counter is EIP712 {
    using Items for bytes;

    /// The bits that Record keeps free count.
    uint256 private constant ONE = 1 << 242;

    ISchemaRegistry public immutable schemaRegistry;

    /// One more than how often something was recorded again: to change it is then never dearer than a new slot.
    uint256 private _repeated = 1;
    mapping(bytes32 uid => Record) private _records;

    constructor(ISchemaRegistry schemaRegistry_) EIP712("Waybill", "1") {
        schemaRegistry = schemaRegistry_;
    }

    function record(Batch calldata batch, bytes calldata items, bytes calldata) external returns (uint256) {
        Encoded memory item = AttestationLib.blank(batch.schema, batch.attester, _domainSeparatorV4());
        uint256 next = Items.FIRST;
        uint256 count = items.count();
        for (uint256 i = 0; i < count; ++i) {
            bytes calldata data;
            (data, next) = items.read(next, item);
            _count(item.uid(), item, data);
        }
        require(next == items.length, Items.MalformedItems(next));
        return count;
    }

    function multicall(bytes[] calldata calls) external returns (bytes[] memory results) {
        results = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; ++i) {
            results[i] = Address.functionDelegateCall(address(this), calls[i]);
        }
    }

    function repeated() external view returns (uint256) {
        return _repeated - 1;
    }

    function recordsOf(bytes32[] calldata uids) external view returns (Record[] memory records) {
        records = new Record[](uids.length);
        for (uint256 i = 0; i < uids.length; ++i) {
            records[i] = _records[uids[i]];
        }
    }

    function _count(bytes32 uid, Encoded memory item, bytes calldata data) private {
        Record before = _records[uid];
        if (before.isEmpty()) {
            before = RecordLib.pack(item.attester, block.timestamp, item.expiresAt, item.revocable);
        } else {
            ++_repeated;
        }
        _records[uid] = Record.wrap(Record.unwrap(before) + ONE);

        emit IAttestationRegistry.Attested(
            uid,
            item.attester,
            item.recipient,
            item.schema,
            item.ref,
            item.expiresAt,
            item.revocable,
            item.salt,
            data
        );
    }
}
