// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISchemaRegistry} from "./interfaces/ISchemaRegistry.sol";
import {Terms} from "./types/Schema.sol";

/// @title The canonical record of schemas; ISchemaRegistry says what every function does
contract SchemaRegistry is ISchemaRegistry {
    /// @inheritdoc ISchemaRegistry
    uint256 public constant MAX_DEFINITION_LENGTH = 4096;

    bytes32 private constant _HIGH_BITS = 0x8080808080808080808080808080808080808080808080808080808080808080;

    mapping(bytes32 id => Terms) private _terms;
    mapping(bytes32 id => string) private _definitions;

    /// @inheritdoc ISchemaRegistry
    function register(
        string calldata definition,
        address resolver,
        bool revocable
    ) external returns (bytes32 id) {
        uint256 length = bytes(definition).length;
        require(length != 0, EmptyDefinition());
        require(length <= MAX_DEFINITION_LENGTH, DefinitionTooLong(length));
        require(_isAscii(bytes(definition)), DefinitionNotAscii());

        id = idOf(definition, resolver, revocable);
        if (_terms[id].exists) return id;

        _terms[id] = Terms({resolver: resolver, revocable: revocable, exists: true});
        _definitions[id] = definition;

        emit SchemaRegistered(id, resolver, revocable, definition);
    }

    /// @inheritdoc ISchemaRegistry
    function termsOf(bytes32 id) external view returns (Terms memory) {
        return _terms[id];
    }

    /// @inheritdoc ISchemaRegistry
    function definitionOf(bytes32 id) external view returns (string memory) {
        return _definitions[id];
    }

    /// @inheritdoc ISchemaRegistry
    function idOf(
        string calldata definition,
        address resolver,
        bool revocable
    ) public pure returns (bytes32) {
        return keccak256(abi.encodePacked(definition, resolver, revocable));
    }

    function _isAscii(bytes calldata text) private pure returns (bool) {
        for (uint256 i = 0; i < text.length; i += 32) {
            // The last word is padded with zeros.
            if (bytes32(text[i:]) & _HIGH_BITS != 0) return false;
        }
        return true;
    }
}
