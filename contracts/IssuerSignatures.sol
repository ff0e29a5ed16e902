// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IAttestationRegistry} from "./interfaces/IAttestationRegistry.sol";
import {Batch} from "./types/Batch.sol";

/// @title What an issuer signs, and whether it did; IAttestationRegistry lists the types
abstract contract IssuerSignatures is IAttestationRegistry, EIP712 {
    bytes32 private constant BATCH_TYPE_HASH = keccak256(
        "Batch(address attester,bytes32 schema,uint8 level,bytes32 stream,uint64 position,bytes items,uint40 deadline,uint256 value)"
    );
    bytes32 private constant REVOCATION_TYPE_HASH = keccak256(
        "Revocation(address attester,bytes32[] uids,string reason,uint40 deadline)"
    );
    bytes32 private constant LEAF_REVOCATION_TYPE_HASH = keccak256(
        "LeafRevocation(address attester,bytes32 schema,bytes32 root,uint256[] indices,string reason,uint40 deadline)"
    );

    constructor() EIP712("Waybill", "1") {}

    function _requireBatchSigned(
        Batch calldata batch,
        uint8 level,
        bytes32 itemsHash,
        bytes calldata signature
    ) internal view {
        bytes32 structHash = keccak256(
            abi.encode(
                BATCH_TYPE_HASH,
                batch.attester,
                batch.schema,
                level,
                batch.stream,
                batch.position,
                itemsHash,
                batch.deadline,
                msg.value
            )
        );
        _requireSignedInTime(batch.attester, structHash, batch.deadline, signature);
    }

    function _requireRevocationSigned(
        address attester,
        bytes32[] memory uids,
        string calldata reason,
        uint40 deadline,
        bytes calldata signature
    ) internal view {
        bytes32 structHash = keccak256(
            abi.encode(
                REVOCATION_TYPE_HASH,
                attester,
                keccak256(abi.encodePacked(uids)),
                keccak256(bytes(reason)),
                deadline
            )
        );
        _requireSignedInTime(attester, structHash, deadline, signature);
    }

    function _requireLeafRevocationSigned(
        address attester,
        bytes32 schema,
        bytes32 root,
        uint256[] calldata indices,
        string calldata reason,
        uint40 deadline,
        bytes calldata signature
    ) internal view {
        bytes32 structHash = keccak256(
            abi.encode(
                LEAF_REVOCATION_TYPE_HASH,
                attester,
                schema,
                root,
                keccak256(abi.encodePacked(indices)),
                keccak256(bytes(reason)),
                deadline
            )
        );
        _requireSignedInTime(attester, structHash, deadline, signature);
    }

    /// ECDSA first, also for an attester with code: an account under EIP-7702 keeps its key, and nobody is expected to
    /// find a key for the address of another contract.
    function _requireSigned(address attester, bytes32 digest, bytes calldata signature) internal view {
        (address signer, ECDSA.RecoverError failure, ) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == attester) return;
        require(
            SignatureChecker.isValidERC1271SignatureNowCalldata(attester, digest, signature),
            InvalidSignature(attester)
        );
    }

    /// A wallet that approved a digest on chain answers to the empty signature; for a key, empty means forgotten.
    function _requireSignedInTime(
        address attester,
        bytes32 structHash,
        uint40 deadline,
        bytes calldata signature
    ) private view {
        require(signature.length != 0 || attester.code.length != 0, NotAttester(attester, msg.sender));
        require(block.timestamp <= deadline, DeadlinePassed(deadline));
        _requireSigned(attester, _hashTypedDataV4(structHash), signature);
    }
}
