// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// What of EAS a consumer needs.
interface IEas {
    struct Attestation {
        bytes32 uid;
        bytes32 schema;
        uint64 time;
        uint64 expirationTime;
        uint64 revocationTime;
        bytes32 refUID;
        address recipient;
        address attester;
        bool revocable;
        bytes data;
    }

    function getAttestation(bytes32 uid) external view returns (Attestation memory);
}

/// The example MemberGate as one that depends on EAS: the same checks, for what the same work costs there.
contract EasGate {
    IEas private immutable _eas;
    address private immutable _issuer;
    bytes32 private immutable _schema;

    error Closed();

    constructor(IEas eas, address issuer, bytes32 schema) {
        (_eas, _issuer, _schema) = (eas, issuer, schema);
    }

    function requireMember(address account, bytes32 uid) external view returns (bytes32) {
        IEas.Attestation memory membership = _eas.getAttestation(uid);
        require(membership.attester == _issuer && membership.schema == _schema, Closed());
        require(membership.revocationTime == 0, Closed());
        require(membership.expirationTime == 0 || block.timestamp < membership.expirationTime, Closed());
        require(membership.recipient == account, Closed());
        return uid;
    }
}
