// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Attestation, Statement} from "../types/Attestation.sol";
import {Record} from "../types/Record.sol";
import {ISchemaRegistry} from "./ISchemaRegistry.sol";

/// What all items of a batch share.
/// @param attester the issuer of every item
/// @param schema the schema of every item
/// @param stream the key of the stream that the items are appended to; zero for none
/// @param position where in the stream the first item is expected to land; zero without a stream
/// @param deadline last second (Unix) at which the issuer's signature counts; not read if the sender is the attester
struct Batch {
    address attester;
    bytes32 schema;
    bytes32 stream;
    uint64 position;
    uint40 deadline;
}

/// @title Attestations, by the hash of what they say
/// @notice Nobody owns this registry, nothing can be paused or upgraded, and it holds no ETH.
///
/// The uid of an attestation is the EIP-712 digest of its content. It is known before anything is sent, it is what an
/// issuer signs, and nothing about time, sender or batch enters it. So sending the same attestation again changes
/// nothing: it is neither doubled nor refused.
///
/// The issuer (`attester`) and the account that pays gas (`msg.sender`) are different roles. Where they differ, the
/// call carries the issuer's signature: ECDSA, or ERC-1271 of any length, also of none. Where they do not, a signature
/// is not read. There are no nonces: signatures may land in any order, and a replay until the deadline finds its items
/// recorded.
///
/// Block times are Unix seconds. If a chain is split and takes another chain id, uids on it are other ones: what was
/// recorded before keeps its slot under its old uid.
///
/// EIP-712 types that an issuer signs, under the domain that `eip712Domain` (ERC-5267) returns:
///
///     Attestation(bytes32 schema,address attester,address recipient,bytes32 ref,uint40 expiresAt,bool revocable,bytes32 salt,bytes data)
///     Batch(address attester,bytes32 schema,uint8 level,bytes32 stream,uint64 position,bytes items,uint40 deadline,uint256 value)
///     Revocation(address attester,bytes32[] uids,string reason,uint40 deadline)
///
/// where items are the packed items of the call, level is 0 for record (1 seal and 2 anchor are reserved) and value is the wei handed to the resolver.
interface IAttestationRegistry {
    /// @notice An attestation was recorded. The event carries every field; the uid recomputes from them.
    event Attested(
        bytes32 indexed uid,
        address indexed attester,
        address indexed recipient,
        bytes32 schema,
        bytes32 ref,
        uint40 expiresAt,
        bool revocable,
        bytes32 salt,
        bytes data
    );

    /// @notice An attestation was revoked, for ever, at the time of this block. It may never have been recorded.
    /// @param reason text by convention. Warning: an issuer can put any bytes here, also such that are not UTF-8
    event Revoked(bytes32 indexed uid, address indexed attester, bytes reason);

    /// @notice `sender` is not the attester and brought no signature.
    error NotAttester(address attester, address sender);

    /// @notice The signature is not the attester's over exactly this.
    error InvalidSignature(address attester);

    /// @notice The signature counted until `deadline`.
    error DeadlinePassed(uint40 deadline);

    /// @notice No such schema is registered.
    error UnknownSchema(bytes32 schema);

    /// @notice Attestations of this schema must not be revocable.
    error SchemaIrrevocable(bytes32 schema);

    /// @notice The schema names a resolver, and this version of the registry calls none.
    error ResolverNotSupported(address resolver);

    /// @notice The batch names a stream, and this version of the registry keeps none.
    error StreamNotSupported(bytes32 stream);

    /// @notice A batch, or a list to revoke, has no items.
    error EmptyBatch();

    /// @notice Nothing is known of this uid.
    error NotRecorded(bytes32 uid);

    /// @notice The attestation is somebody else's: `attester`'s.
    error AttestedByAnother(bytes32 uid, address attester);

    /// @notice The attestation says that it can never be revoked.
    error Irrevocable(bytes32 uid);

    /// @notice Records one attestation of the sender. Already recorded, or revoked before: nothing changes. One that
    /// has expired is recorded all the same and is not valid.
    /// @dev Reverts with NotAttester, UnknownSchema, SchemaIrrevocable, ResolverNotSupported.
    /// @return uid the same as `uidOf(attestation)`
    function attest(Attestation calldata attestation) external returns (bytes32 uid);

    /// @notice Records one attestation that its issuer signed, whoever sends it and whenever.
    /// Warning: a signature over a uid never runs out. Its issuer can end it only by revoking the attestation, and one
    /// that is not revocable can be recorded by its holder for ever.
    /// @dev Reverts with InvalidSignature, UnknownSchema, SchemaIrrevocable, ResolverNotSupported.
    /// @param signature the attester's over the uid
    function attestSigned(
        Attestation calldata attestation,
        bytes calldata signature
    ) external returns (bytes32 uid);

    /// @notice Records the items of a batch, in order. Items already recorded, or revoked before, are skipped.
    /// @dev Reverts with NotAttester, InvalidSignature, DeadlinePassed, UnknownSchema, SchemaIrrevocable, EmptyBatch,
    /// StreamNotSupported, ResolverNotSupported, Items.MalformedItems. One bad item reverts all.
    /// @param items packed as the library Items says
    /// @param signature the attester's over the Batch; not read if the sender is the attester
    /// @return recorded how many items were not recorded before
    function record(
        Batch calldata batch,
        bytes calldata items,
        bytes calldata signature
    ) external returns (uint256 recorded);

    /// @notice Revokes attestations of the sender. Already revoked: skipped.
    /// @dev Reverts with EmptyBatch, NotRecorded, AttestedByAnother, Irrevocable. One bad uid reverts all.
    /// @param reason goes into every event; may be empty
    function revoke(bytes32[] calldata uids, string calldata reason) external;

    /// @notice Revokes attestations for their issuer, who signed a Revocation or sends this itself.
    /// @dev Reverts as `revoke` does, and with NotAttester, DeadlinePassed and InvalidSignature.
    function revokeSigned(
        address attester,
        bytes32[] calldata uids,
        string calldata reason,
        uint40 deadline,
        bytes calldata signature
    ) external;

    /// @notice Revokes attestations that need not be recorded: signed but not sent, or on their way.
    /// Their fields prove whose they are. They can never be recorded as valid afterwards.
    /// @dev Reverts with EmptyBatch, NotAttester, AttestedByAnother, DeadlinePassed, InvalidSignature, Irrevocable.
    /// @param statements all of one attester
    /// @param deadline of the signature
    /// @param signature the attester's over the Revocation; not read if the sender is the attester
    function revokeUnrecorded(
        Statement[] calldata statements,
        string calldata reason,
        uint40 deadline,
        bytes calldata signature
    ) external;

    /// @notice Whether the attestation is recorded, not revoked and not expired, now.
    /// Warning: says nothing of schema, recipient or data. A contract that depends on those asks about the attestation
    /// in whole, below, and compares the fields.
    function isValid(bytes32 uid) external view returns (bool);

    /// @notice The same for an attestation handed in whole: true proves every field of it.
    function isValid(Attestation calldata attestation) external view returns (bool);

    /// @notice The uid that an attestation has on this chain and registry, recorded or not.
    function uidOf(Attestation calldata attestation) external view returns (bytes32);

    /// @notice Whose attestation it is; zero if nothing is known of it.
    /// Warning: also answers for revoked and expired attestations, and for some that were never recorded. Ask `isValid`
    /// before trusting one.
    function attesterOf(bytes32 uid) external view returns (address);

    /// @notice What the registry keeps of an attestation.
    /// @return attester the issuer; zero: nothing is known
    /// @return recordedAt time of the block that recorded it; zero: revoked before it was recorded
    /// @return expiresAt zero: never
    function recordOf(
        bytes32 uid
    )
        external
        view
        returns (address attester, uint40 recordedAt, uint40 expiresAt, bool revocable, bool revoked);

    /// @notice The slots of many attestations in one call, for readers off chain; laid out as the type Record says.
    /// Bits that Record keeps free are to be ignored.
    function recordsOf(bytes32[] calldata uids) external view returns (Record[] memory);

    /// @notice The registry that schemas are looked up in, for ever.
    function schemaRegistry() external view returns (ISchemaRegistry);
}
