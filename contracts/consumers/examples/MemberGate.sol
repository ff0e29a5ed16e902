// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Attestation, IAttestationRegistry} from "../../interfaces/IAttestationRegistry.sol";
import {WaybillConsumer} from "../WaybillConsumer.sol";

/// @title An example: a gate by recorded attestations
/// @notice A member is an account that the issuer has made a statement about, which is recorded and still valid.
contract MemberGate is WaybillConsumer {
    /// @notice Whose statements count.
    address public immutable issuer;

    /// @notice Under which schema.
    bytes32 public immutable schema;

    /// @notice A member came in.
    event Entered(address indexed member, bytes32 indexed uid);

    /// @notice The attestation is about somebody else.
    error OtherRecipient(address recipient);

    constructor(IAttestationRegistry waybill_, address issuer_, bytes32 schema_) WaybillConsumer(waybill_) {
        (issuer, schema) = (issuer_, schema_);
    }

    /// @notice A member may enter again for as long as the attestation is valid.
    function enter(Attestation calldata membership) external {
        bytes32 uid = requireMember(msg.sender, membership);

        emit Entered(msg.sender, uid);
    }

    /// @notice Reverts unless the account is a member by this attestation.
    function requireMember(
        address account,
        Attestation calldata membership
    ) public view returns (bytes32 uid) {
        uid = _requireRecorded(membership, issuer, schema);
        require(membership.recipient == account, OtherRecipient(membership.recipient));
    }
}
