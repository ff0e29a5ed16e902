// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// One statement. Its uid is the EIP-712 digest of exactly these fields under the registry's domain.
/// @param schema id in the schema registry
/// @param attester the issuer: who says it
/// @param recipient whom it is about; zero for nobody in particular
/// @param ref uid of the attestation it refers to; zero for none. The issuer's claim: not looked up on chain
/// @param expiresAt Unix seconds from which on it is no longer valid; zero for never
/// @param revocable whether the issuer may ever revoke it
/// @param salt tells apart statements that are otherwise equal; 32 random bytes also hide data that could be guessed
/// @param data the values, ABI-encoded as the schema says
struct Attestation {
    bytes32 schema;
    address attester;
    address recipient;
    bytes32 ref;
    uint40 expiresAt;
    bool revocable;
    bytes32 salt;
    bytes data;
}

/// An attestation with the hash of its data in place of the data: enough for its uid.
struct Statement {
    bytes32 schema;
    address attester;
    address recipient;
    bytes32 ref;
    uint40 expiresAt;
    bool revocable;
    bytes32 salt;
    bytes32 dataHash;
}

/// The words that EIP-712 hashes for an attestation, in its order, and the domain that they are hashed under. A batch
/// fills one of these in place, item by item.
struct Encoded {
    bytes32 typeHash;
    bytes32 schema;
    address attester;
    address recipient;
    bytes32 ref;
    uint40 expiresAt;
    bool revocable;
    bytes32 salt;
    bytes32 dataHash;
    bytes32 domain;
}

using AttestationLib for Encoded global;

library AttestationLib {
    bytes32 internal constant TYPE_HASH = keccak256(
        "Attestation(bytes32 schema,address attester,address recipient,bytes32 ref,uint40 expiresAt,bool revocable,bytes32 salt,bytes data)"
    );

    /// An item of a batch, before it is read.
    function blank(bytes32 schema, address attester, bytes32 domain) internal pure returns (Encoded memory) {
        return Encoded(TYPE_HASH, schema, attester, address(0), 0, 0, false, 0, 0, domain);
    }

    function encode(Attestation calldata a, bytes32 domain) internal pure returns (Encoded memory) {
        return
            Encoded(
                TYPE_HASH,
                a.schema,
                a.attester,
                a.recipient,
                a.ref,
                a.expiresAt,
                a.revocable,
                a.salt,
                keccak256(a.data),
                domain
            );
    }

    function encode(Statement calldata s, bytes32 domain) internal pure returns (Encoded memory) {
        return
            Encoded(
                TYPE_HASH,
                s.schema,
                s.attester,
                s.recipient,
                s.ref,
                s.expiresAt,
                s.revocable,
                s.salt,
                s.dataHash,
                domain
            );
    }

    /// The uid of an attestation that is only asked about. Its fields lie in the calldata as EIP-712 hashes them, and are
    /// copied as they are: bits that no field has make another uid, which nothing was ever said under.
    function uid(Attestation calldata a, bytes32 domain) internal pure returns (bytes32 digest) {
        bytes32 typeHash = TYPE_HASH;
        bytes calldata data = a.data;
        assembly ("memory-safe") {
            let item := mload(0x40)
            let dataHash := add(item, 0x100)
            calldatacopy(dataHash, data.offset, data.length)
            mstore(dataHash, keccak256(dataHash, data.length))
            mstore(item, typeHash)
            calldatacopy(add(item, 0x20), a, 0xe0)
            let structHash := keccak256(item, 0x120)
            mstore(item, hex"1901")
            mstore(add(item, 0x02), domain)
            mstore(add(item, 0x22), structHash)
            digest := keccak256(item, 0x42)
        }
    }

    /// The EIP-712 digest: hashStruct of nine words that lie in memory in a row, under the domain.
    function uid(Encoded memory item) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            let structHash := keccak256(item, 0x120)
            let free := mload(0x40)
            mstore(free, hex"1901")
            mstore(add(free, 0x02), mload(add(item, 0x120)))
            mstore(add(free, 0x22), structHash)
            digest := keccak256(free, 0x42)
        }
    }
}
