// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Attestation, Statement} from "../types/Attestation.sol";
import {Batch} from "../types/Batch.sol";
import {Head} from "../types/Head.sol";
import {Record} from "../types/Record.sol";
import {Root} from "../types/Root.sol";
import {Proof} from "../types/Tree.sol";
import {ISchemaRegistry} from "./ISchemaRegistry.sol";

/// @title Attestations, by the hash of what they say
/// @notice Nobody owns this registry, nothing can be paused or upgraded, and it holds no ETH.
///
/// An attestation stands here at one of three levels, or at several:
///
/// - record: a slot and an event of its own, so that `isValid` needs nothing but the uid;
/// - seal: one root for a batch, computed here from all items, which are in the event;
/// - anchor: one root that the issuer computed, and the issuer keeps the items.
///
/// A sealed or anchored one is checked by its content and its place in the tree (types/Tree.sol). Roots are kept by
/// attester and schema.
///
/// The uid of an attestation is the EIP-712 digest of its content. It is known before anything is sent, it is what an
/// issuer signs, and nothing about time, sender or batch enters it. So sending the same attestation again changes
/// nothing: it is neither doubled nor, without a stream or a resolver, refused.
///
/// The issuer (`attester`) and the account that pays gas (`msg.sender`) are different roles. Where they differ, the
/// call carries the issuer's signature: ECDSA, or ERC-1271 of any length, also of none. Where they do not, a signature
/// is not read. There are no nonces: signatures may land in any order, and a replay until the deadline finds its items
/// recorded. In a stream or under a resolver, whoever comes second with a signature is refused: what it says has landed.
///
/// Block times are Unix seconds. If a chain is split and takes another chain id, uids on it are other ones: what was
/// recorded before keeps its slot under its old uid.
///
/// EIP-712 types that an issuer signs, under the domain that `eip712Domain` (ERC-5267) returns:
///
///     Attestation(bytes32 schema,address attester,address recipient,bytes32 ref,uint40 expiresAt,bool revocable,bytes32 salt,bytes data)
///     Batch(address attester,bytes32 schema,uint8 level,bytes32 stream,uint64 position,bytes items,uint40 deadline,uint256 value)
///     Revocation(address attester,bytes32[] uids,string reason,uint40 deadline)
///     LeafRevocation(address attester,bytes32 schema,bytes32 root,uint256[] indices,string reason,uint40 deadline)
///
/// where level is 0 for record, 1 for seal and 2 for anchor, value is the wei handed to the resolver, and items are the
/// packed items of the call, of an anchor the root and its count, packed as `abi.encodePacked(bytes32, uint40)`.
///
/// A stream is the order in which one attester appended statements under one key, at any level. Its head (types/Head.sol)
/// can be rebuilt from the events: each Appended follows the events of what it appended, `count` times Attested, or one
/// Sealed, or one Anchored. If the rebuilt head equals `headOf`, nothing is missing, added or in another order.
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

    /// @notice A batch was sealed: every field of every item is in here.
    /// @param items packed as the library Items says; their number comes first
    event Sealed(address indexed attester, bytes32 indexed schema, bytes32 indexed root, bytes items);

    /// @notice A root was anchored. Only its attester knows what it stands for.
    /// @param count of leaves, as the attester says
    event Anchored(address indexed attester, bytes32 indexed schema, bytes32 indexed root, uint40 count);

    /// @notice What the events right before this one announce was appended to a stream.
    /// @param position of the first statement of them
    /// @param count of statements; for a root, of its leaves
    /// @param hash of the stream from now on
    event Appended(
        address indexed attester,
        bytes32 indexed stream,
        uint64 position,
        uint64 count,
        bytes32 hash
    );

    /// @notice Leaves of a root were revoked, for ever, at the time of this block. There may be some among them that were
    /// revoked before: of the events that name a leaf, the first counts.
    event LeavesRevoked(
        address indexed attester,
        bytes32 indexed schema,
        bytes32 indexed root,
        uint256[] indices,
        bytes reason
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

    /// @notice The schema's resolver has no code, or did not say that it agrees. Whatever it reverts with comes through,
    /// and an answer that is no word reverts without data.
    error ResolverRefused(address resolver);

    /// @notice Value is for a resolver, and the schema has none.
    error ValueWithoutResolver();

    /// @notice The stream ends at `actual`, and the batch expected it to end at `expected`. Without a stream, that is zero.
    error StreamMoved(bytes32 stream, uint64 expected, uint64 actual);

    /// @notice The attestation is recorded already, or was revoked before it was. In a stream or under a resolver it
    /// cannot be passed over: it would be missing, or paid for twice.
    /// Warning: whoever holds an attestation's own signature can record it first, and so keep it out of a stream. What is
    /// meant for a stream is signed in a batch only.
    error UidTaken(bytes32 uid);

    /// @notice The root is sealed, or anchored, already; see UidTaken.
    error RootTaken(bytes32 root);

    /// @notice The attester has neither sealed nor anchored this root under this schema.
    error UnknownRoot(bytes32 root);

    /// @notice The root has `count` leaves.
    error NoSuchLeaf(uint256 index, uint40 count);

    /// @notice A batch, or a list to revoke, has no items.
    error EmptyBatch();

    /// @notice Nothing is known of this uid.
    error NotRecorded(bytes32 uid);

    /// @notice The attestation is somebody else's: `attester`'s.
    error AttestedByAnother(bytes32 uid, address attester);

    /// @notice The attestation says that it can never be revoked.
    error Irrevocable(bytes32 uid);

    /// @notice Records one attestation of the sender. Already recorded, or revoked before: nothing changes, unless the
    /// schema has a resolver. One that has expired is recorded all the same and is not valid.
    /// @dev Reverts with NotAttester, UnknownSchema, SchemaIrrevocable, ValueWithoutResolver; under a resolver, with
    /// UidTaken, ResolverRefused and with whatever the resolver says.
    /// @return uid the same as `uidOf(attestation)`
    function attest(Attestation calldata attestation) external payable returns (bytes32 uid);

    /// @notice Records one attestation that its issuer signed, whoever sends it and whenever.
    /// Warning: a signature over a uid never runs out. Its issuer can end it only by revoking the attestation, and one
    /// that is not revocable can be recorded by its holder for ever. The value for a resolver is the sender's affair.
    /// @dev Reverts with InvalidSignature and as `attest` does.
    /// @param signature the attester's over the uid
    function attestSigned(
        Attestation calldata attestation,
        bytes calldata signature
    ) external payable returns (bytes32 uid);

    /// @notice Records the items of a batch, in order. Items already recorded, or revoked before, are skipped; in a
    /// stream or under a resolver they revert.
    /// @dev Reverts with NotAttester, InvalidSignature, DeadlinePassed, UnknownSchema, SchemaIrrevocable, EmptyBatch,
    /// ValueWithoutResolver, StreamMoved, UidTaken, ResolverRefused, Items.MalformedItems. One bad item reverts all.
    /// @param items packed as the library Items says
    /// @param signature the attester's over the Batch; not read if the sender is the attester
    /// @return recorded how many items were not recorded before
    function record(
        Batch calldata batch,
        bytes calldata items,
        bytes calldata signature
    ) external payable returns (uint256 recorded);

    /// @notice Seals the items of a batch: keeps the root of their uids, and announces all items in one event. A root
    /// that is sealed already changes nothing; in a stream or under a resolver it reverts. One that is anchored becomes
    /// sealed, with the time of this block, and what was revoked of it stays revoked.
    /// Warning: that an item is in another root, is recorded, was revoked, or is in the batch twice is not looked at. Such
    /// a leaf has several places, and `revokeLeaves` ends one; revoking its uid ends all. So a stream may hold a statement
    /// once at each level, if its attester so appends it.
    /// @dev Reverts as `record` does, with RootTaken in place of UidTaken.
    /// @return root of types/Tree.sol over the uids
    function seal(
        Batch calldata batch,
        bytes calldata items,
        bytes calldata signature
    ) external payable returns (bytes32 root);

    /// @notice Seals one attestation that its issuer signed, as a batch of its own, whoever sends it and whenever. The
    /// Warning of `attestSigned` holds.
    /// @dev Reverts with InvalidSignature, UnknownSchema, SchemaIrrevocable, ValueWithoutResolver; under a resolver, with
    /// UidTaken if it is recorded or revoked, RootTaken, ResolverRefused and with whatever the resolver says.
    /// @param signature the attester's over the uid
    /// @return uid which is the root as well
    function sealSigned(
        Attestation calldata attestation,
        bytes calldata signature
    ) external payable returns (bytes32 uid);

    /// @notice Keeps the root of attestations that the issuer keeps. A root that is anchored or sealed already changes
    /// nothing, whatever the count; in a stream it reverts. A count that was wrong is put right by sealing.
    /// Warning: what no longer is with the issuer is lost: the chain knows only the root. And no leaf is valid whose
    /// schema has a resolver, since it was not asked.
    /// @dev Reverts with NotAttester, InvalidSignature, DeadlinePassed, UnknownSchema, EmptyBatch, StreamMoved, RootTaken.
    /// @param count of leaves. A wrong one hurts the attester only: leaves that it leaves out, or heights that it denies,
    /// are never valid
    function anchor(Batch calldata batch, bytes32 root, uint40 count, bytes calldata signature) external;

    /// @notice Anchors one attestation that its issuer signed, whoever sends it and whenever. The Warning of
    /// `attestSigned` holds.
    /// @dev Reverts with InvalidSignature, UnknownSchema.
    /// @param signature the attester's over the uid
    /// @return uid which is the root as well
    function anchorSigned(
        Statement calldata statement,
        bytes calldata signature
    ) external returns (bytes32 uid);

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

    /// @notice Revokes leaves of a root by their places, without their content. Already revoked: skipped. A leaf that is
    /// not revocable stays valid, whatever is revoked here.
    /// Warning: it ends a place, not the statement. Where a statement's own signature is with somebody, who could give it
    /// another place, its uid is revoked by `revokeUnrecorded`.
    /// @dev Reverts with EmptyBatch, NotAttester, DeadlinePassed, InvalidSignature, UnknownRoot, SchemaIrrevocable,
    /// NoSuchLeaf. One bad index reverts all.
    /// @param deadline of the signature
    /// @param signature the attester's over the LeafRevocation; not read if the sender is the attester
    function revokeLeaves(
        address attester,
        bytes32 schema,
        bytes32 root,
        uint256[] calldata indices,
        string calldata reason,
        uint40 deadline,
        bytes calldata signature
    ) external;

    /// @notice Does several calls of this contract in one transaction, in order, each as if the sender had sent it alone:
    /// batches of several streams, for instance. All of them are done, or none. No value comes along, so a schema whose
    /// resolver is paid needs a transaction of its own.
    /// Warning: one call that reverts undoes all. Whoever copies a signed batch out of the pool and sends it first moves
    /// its stream, and the whole of this reverts with StreamMoved; so does an item or a root that somebody else was
    /// quicker with, where it cannot be passed over.
    /// @dev Reverts with what the first call that fails reverts with, unchanged; without data if there is no such function.
    /// @param calls of any functions, selector and arguments each; none is done if there are none
    /// @return results what each call returned, ABI-encoded
    function multicall(bytes[] calldata calls) external returns (bytes[] memory results);

    /// @notice Whether the attestation is recorded, not revoked and not expired, now.
    /// Warning: says nothing of schema, recipient or data. A contract that depends on those asks about the attestation
    /// in whole, below, and compares the fields.
    function isValid(bytes32 uid) external view returns (bool);

    /// @notice The same for an attestation handed in whole: true proves every field of it.
    function isValid(Attestation calldata attestation) external view returns (bool);

    /// @notice Whether the attestation is sealed or anchored at this place, neither its leaf nor its uid revoked, and not
    /// expired, now. True proves every field of it. False for an anchored one whose schema has a resolver.
    function isValid(Attestation calldata attestation, Proof calldata proof) external view returns (bool);

    /// @notice The uid that an attestation has on this chain and registry, recorded or not.
    function uidOf(Attestation calldata attestation) external view returns (bytes32);

    /// @notice The EIP-712 domain separator: all that a uid depends on besides the content.
    function domainSeparator() external view returns (bytes32);

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

    /// @notice What the registry keeps of a root.
    /// @return level 1 sealed, 2 anchored; zero: not known
    /// @return committedAt time of the block that sealed it, or else anchored it: where its event is
    /// @return count of leaves
    /// @return judged nothing bypassed the schema's resolver; false for anchors of a schema that has one
    /// @return revocable as the schema says
    /// @return since time of the block that first kept it, at whatever level
    function rootOf(
        address attester,
        bytes32 schema,
        bytes32 root
    )
        external
        view
        returns (uint8 level, uint40 committedAt, uint40 count, bool judged, bool revocable, uint40 since);

    /// @notice The slots that the validity of a leaf depends on, for the library Leaf.
    function standingOf(
        address attester,
        bytes32 schema,
        bytes32 root,
        bytes32 uid
    ) external view returns (Root, Record);

    /// @notice Whether a leaf was revoked by its place. Warning: its uid may be revoked all the same; see `isValid`.
    function isLeafRevoked(
        address attester,
        bytes32 schema,
        bytes32 root,
        uint256 index
    ) external view returns (bool);

    /// @notice The end of a stream; zeros if nothing was ever appended.
    function headOf(address attester, bytes32 stream) external view returns (Head memory);

    /// @notice The registry that schemas are looked up in, for ever.
    function schemaRegistry() external view returns (ISchemaRegistry);
}
