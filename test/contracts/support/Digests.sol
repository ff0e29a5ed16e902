// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Batch} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../../contracts/types/Attestation.sol";

/// What an issuer signs, from EIP-712 and the interface's documentation alone; shares no code with the contracts.
library Digests {
    function uid(address registry, Attestation memory a) internal view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "Attestation(bytes32 schema,address attester,address recipient,bytes32 ref,uint40 expiresAt,bool revocable,bytes32 salt,bytes data)"
        );
        return
            digest(
                registry,
                abi.encode(
                    typeHash,
                    a.schema,
                    a.attester,
                    a.recipient,
                    a.ref,
                    a.expiresAt,
                    a.revocable,
                    a.salt,
                    keccak256(a.data)
                )
            );
    }

    function batch(address registry, Batch memory b, bytes memory items) internal view returns (bytes32) {
        return batch(registry, b, items, 0, 0);
    }

    function batch(
        address registry,
        Batch memory b,
        bytes memory items,
        uint8 level,
        uint256 value
    ) internal view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "Batch(address attester,bytes32 schema,uint8 level,bytes32 stream,uint64 position,bytes items,uint40 deadline,uint256 value)"
        );
        return
            digest(
                registry,
                abi.encode(
                    typeHash,
                    b.attester,
                    b.schema,
                    level,
                    b.stream,
                    b.position,
                    keccak256(items),
                    b.deadline,
                    value
                )
            );
    }

    function revocation(
        address registry,
        address attester,
        bytes32[] memory uids,
        string memory reason,
        uint40 deadline
    ) internal view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "Revocation(address attester,bytes32[] uids,string reason,uint40 deadline)"
        );
        return
            digest(
                registry,
                abi.encode(
                    typeHash,
                    attester,
                    keccak256(abi.encodePacked(uids)),
                    keccak256(bytes(reason)),
                    deadline
                )
            );
    }

    function leafRevocation(
        address registry,
        address attester,
        bytes32 schema,
        bytes32 root,
        uint256[] memory indices,
        string memory reason,
        uint40 deadline
    ) internal view returns (bytes32) {
        bytes32 typeHash = keccak256(
            "LeafRevocation(address attester,bytes32 schema,bytes32 root,uint256[] indices,string reason,uint40 deadline)"
        );
        return
            digest(
                registry,
                abi.encode(
                    typeHash,
                    attester,
                    schema,
                    root,
                    keccak256(abi.encodePacked(indices)),
                    keccak256(bytes(reason)),
                    deadline
                )
            );
    }

    function digest(address registry, bytes memory struct_) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain(registry), keccak256(struct_)));
    }

    function domain(address registry) internal view returns (bytes32) {
        return
            keccak256(
                abi.encode(
                    keccak256(
                        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                    ),
                    keccak256("Waybill"),
                    keccak256("1"),
                    block.chainid,
                    registry
                )
            );
    }
}
