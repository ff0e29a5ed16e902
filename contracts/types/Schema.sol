// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// What attesting under a schema has to know, in one slot, so that its cost does not grow with the schema's text.
/// resolver 160 bits | revocable 8 | exists 8
struct Terms {
    address resolver;
    bool revocable;
    bool exists;
}
