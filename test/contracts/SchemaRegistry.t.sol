// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISchemaRegistry} from "../../contracts/interfaces/ISchemaRegistry.sol";
import {Terms} from "../../contracts/types/Schema.sol";
import {Check} from "./support/Check.sol";
import {Registries} from "./support/Registries.sol";
import {vm} from "./support/Vm.sol";

contract SchemaRegistrySpec is Check {
    ISchemaRegistry private schemas = Registries.newSchemas();

    function test_RefusesAnEmptyDefinition() external {
        vm.expectRevert(abi.encodeWithSelector(ISchemaRegistry.EmptyDefinition.selector));
        schemas.register("", address(0), true);
    }

    function test_RefusesMoreThan4096Bytes() external {
        equal(schemas.MAX_DEFINITION_LENGTH(), 4096);
        refusesLength(4097);
        refusesLength(20_000);
    }

    function testFuzz_RefusesMoreThan4096Bytes(uint256 length) external {
        refusesLength(within(length, 4097, 20_000));
    }

    function test_RegistersUpTo4096Bytes() external {
        registers(text(1), address(0), true);
        registers(text(31), address(0), true);
        registers(text(32), address(0), true);
        registers(text(4096), address(1), false);
    }

    function testFuzz_RegistersWhatItIsGiven(
        string memory definition,
        address resolver,
        bool revocable
    ) external {
        vm.assume(bytes(definition).length != 0 && bytes(definition).length <= 4096);
        for (uint256 i = 0; i < bytes(definition).length; ++i) bytes(definition)[i] &= 0x7f;
        registers(definition, resolver, revocable);
    }

    function test_RefusesTextBeyondAscii() external {
        refusesBeyondAscii(unicode"string größe");
        refusesBeyondAscii(string(bytes(hex"ff")));
    }

    function testFuzz_RefusesOneByteBeyondAsciiWhereverItStands(uint256 length, uint256 place) external {
        bytes memory definition = bytes(text(within(length, 1, 4096)));
        definition[within(place, 0, definition.length - 1)] |= 0x80;
        refusesBeyondAscii(string(definition));
    }

    function test_RegisteringAgainIsSilent() external {
        bytes32 id = schemas.register("bool ok", address(0), true);
        vm.recordLogs();
        vm.prank(address(0xE15E));
        equal(schemas.register("bool ok", address(0), true), id);
        silent();
        keeps(id, "bool ok", address(0), true);
    }

    function testFuzz_EveryPartMakesAnotherSchema(string calldata a, string calldata b) external view {
        bytes32 id = schemas.idOf(a, address(0), true);
        yes(id != schemas.idOf(a, address(0), false), "revocable");
        yes(id != schemas.idOf(a, address(1), true), "resolver");
        yes(keccak256(bytes(a)) == keccak256(bytes(b)) || id != schemas.idOf(b, address(0), true), "text");
    }

    function test_HasTheIdThatEasGivesTheSameSchema() external view {
        // The schema in the documentation of IEAS.multiAttest (eas-contracts), registered as "bool like", no resolver,
        // revocable, on every chain that EAS is on.
        equal(
            schemas.idOf("bool like", address(0), true),
            0x33e9094830a5cba5554d1954310e4fbed2ef5f859ec1404619adea4207f391fd
        );
    }

    function testFuzz_KnowsNothingOfAnUnknownId(bytes32 id) external view {
        Terms memory terms = schemas.termsOf(id);
        equal(terms.exists || terms.revocable, false);
        equal(terms.resolver, address(0));
        equal(bytes(schemas.definitionOf(id)), "");
    }

    function registers(string memory definition, address resolver, bool revocable) private {
        bytes32 id = keccak256(abi.encodePacked(definition, resolver, revocable));
        equal(schemas.termsOf(id).exists, false);
        vm.expectEmit(address(schemas));
        emit ISchemaRegistry.SchemaRegistered(id, resolver, revocable, definition);
        equal(schemas.register(definition, resolver, revocable), id);
        keeps(id, definition, resolver, revocable);
    }

    function keeps(bytes32 id, string memory definition, address resolver, bool revocable) private view {
        equal(schemas.idOf(definition, resolver, revocable), id);
        equal(bytes(schemas.definitionOf(id)), bytes(definition));
        Terms memory terms = schemas.termsOf(id);
        equal(terms.exists, true);
        equal(terms.revocable, revocable);
        equal(terms.resolver, resolver);
    }

    function refusesLength(uint256 length) private {
        string memory definition = text(length);
        vm.expectRevert(abi.encodeWithSelector(ISchemaRegistry.DefinitionTooLong.selector, length));
        schemas.register(definition, address(0), true);
    }

    function refusesBeyondAscii(string memory definition) private {
        vm.expectRevert(abi.encodeWithSelector(ISchemaRegistry.DefinitionNotAscii.selector));
        schemas.register(definition, address(0), true);
    }

    function text(uint256 length) private pure returns (string memory) {
        bytes memory letters = new bytes(length);
        for (uint256 i = 0; i < length; ++i) letters[i] = bytes1(uint8(97 + (i % 26)));
        return string(letters);
    }
}
