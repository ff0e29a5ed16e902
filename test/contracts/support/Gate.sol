// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";
import {Attestation} from "../../../contracts/types/Attestation.sol";
import {Leaf} from "../../../contracts/types/Leaf.sol";
import {Proof} from "../../../contracts/types/Tree.sol";

/// The least that a consumer does: it lets in whoever brings a valid proof.
contract Gate {
    error Closed();

    IAttestationRegistry private immutable _registry;
    bytes32 private immutable _domain;

    constructor(IAttestationRegistry registry) {
        _registry = registry;
        _domain = registry.domainSeparator();
    }

    function enter(Attestation calldata attestation, Proof calldata proof) external view {
        require(Leaf.isValid(_registry, _domain, attestation, proof), Closed());
    }

    /// Gas of each check alone, one after the other in one transaction: the first finds the registry cold.
    function pricesOfChecks(
        Attestation[] calldata attestations,
        Proof[] calldata proofs
    ) external view returns (uint256[] memory prices) {
        prices = new uint256[](proofs.length);
        for (uint256 i = 0; i < proofs.length; ++i) {
            Attestation calldata attestation = attestations[i];
            Proof calldata proof = proofs[i];
            uint256 before = gasleft();
            bool valid = Leaf.isValid(_registry, _domain, attestation, proof);
            prices[i] = before - gasleft();
            require(valid, Closed());
        }
    }

    /// The same by the registry's own function, which needs nothing but its interface.
    function priceOfCall(
        Attestation calldata attestation,
        Proof calldata proof
    ) external view returns (uint256) {
        uint256 before = gasleft();
        bool valid = _registry.isValid(attestation, proof);
        uint256 used = before - gasleft();
        require(valid, Closed());
        return used;
    }
}
