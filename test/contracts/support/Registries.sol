// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {ISchemaRegistry} from "../../../contracts/interfaces/ISchemaRegistry.sol";
import {Gate} from "./Gate.sol";
import {vm} from "./Vm.sol";

/// Deploys what was compiled, from its artifact. With `new`, the compiler would optimize the registry again inside of
/// every contract that deploys it.
library Registries {
    function newSchemas() internal returns (ISchemaRegistry) {
        return ISchemaRegistry(create(vm.getCode("SchemaRegistry.sol:SchemaRegistry")));
    }

    function newRegistry(ISchemaRegistry schemas) internal returns (IAttestationRegistry) {
        bytes memory code = vm.getCode("AttestationRegistry.sol:AttestationRegistry");
        return IAttestationRegistry(create(bytes.concat(code, abi.encode(schemas))));
    }

    function newGate(IAttestationRegistry registry) internal returns (Gate) {
        return Gate(create(bytes.concat(vm.getCode("Gate.sol:Gate"), abi.encode(registry))));
    }

    function create(bytes memory code) private returns (address deployed) {
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        require(deployed != address(0), "not deployed");
    }
}
