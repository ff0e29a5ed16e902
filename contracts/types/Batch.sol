// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

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

// What the chain keeps of a batch: a slot and an event for every item; a root, and every item in one event; a root.
uint8 constant RECORD = 0;
uint8 constant SEAL = 1;
uint8 constant ANCHOR = 2;
