// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Terms} from "../types/Schema.sol";

/// @title Schemas, by the hash of what they say
/// @notice Anyone may register a schema; nobody owns one. The same text, resolver and revocability have the same id
/// on every chain, and without a resolver the same id as in EAS.
interface ISchemaRegistry {
    /// @notice A schema was registered for the first time.
    /// @param id keccak256(abi.encodePacked(definition, resolver, revocable))
    /// @param resolver the contract that is asked about every batch, and never about revocations; zero for none
    /// @param revocable whether attestations of this schema may be revocable
    /// @param definition the fields as `type name,type name`, verbatim
    event SchemaRegistered(bytes32 indexed id, address indexed resolver, bool revocable, string definition);

    /// @notice The definition has no characters.
    error EmptyDefinition();

    /// @notice The definition has `length` bytes; MAX_DEFINITION_LENGTH are allowed.
    error DefinitionTooLong(uint256 length);

    /// @notice The definition has characters beyond ASCII, and what is not text could make readers of the event fail.
    error DefinitionNotAscii();

    /// @notice Registers a schema. Registering it again changes nothing, emits nothing and returns the same id.
    /// Warning: the text is not parsed on chain. Tooling refuses to encode under a text that it cannot parse.
    /// @dev Reverts with EmptyDefinition, DefinitionTooLong or DefinitionNotAscii.
    function register(
        string calldata definition,
        address resolver,
        bool revocable
    ) external returns (bytes32 id);

    /// @notice What attesting needs of a schema. `exists` is false, and the rest zero, for an unknown id.
    function termsOf(bytes32 id) external view returns (Terms memory);

    /// @notice The text of a schema; empty for an unknown id.
    function definitionOf(bytes32 id) external view returns (string memory);

    /// @notice The id that a schema has or would have.
    function idOf(
        string calldata definition,
        address resolver,
        bool revocable
    ) external pure returns (bytes32);

    /// @notice The greatest length of a definition, in bytes.
    function MAX_DEFINITION_LENGTH() external view returns (uint256);
}
