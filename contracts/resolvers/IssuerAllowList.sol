// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {Batch} from "../types/Batch.sol";
import {Resolver} from "./Resolver.sol";

/// @title Only issuers whom the owner allows
/// @notice It is the issuer who counts, not who sends or pays. The owner chooses who may speak and can say nothing in
/// their names.
/// Warning: the owner can shut out any issuer at any time, and may give ownership up, which freezes the list.
contract IssuerAllowList is Resolver, Ownable2Step {
    /// @notice From now on the issuer may attest.
    event IssuerAllowed(address indexed issuer);

    /// @notice From now on the issuer may not attest.
    event IssuerRemoved(address indexed issuer);

    /// @notice The issuer is not on the list.
    error IssuerNotAllowed(address issuer);

    /// @notice Who may attest.
    mapping(address issuer => bool) public isAllowed;

    constructor(IAttestationRegistry registry_, address owner_) Resolver(registry_) Ownable(owner_) {}

    /// @notice Puts an issuer on the list. On it already: nothing changes.
    function allow(address issuer) external onlyOwner {
        if (isAllowed[issuer]) return;
        isAllowed[issuer] = true;

        emit IssuerAllowed(issuer);
    }

    /// @notice Takes an issuer off the list. Not on it: nothing changes.
    /// Warning: what the issuer attested before stays valid, and only the issuer can revoke it. What it signed and nobody
    /// recorded is refused from now on.
    function remove(address issuer) external onlyOwner {
        if (!isAllowed[issuer]) return;
        isAllowed[issuer] = false;

        emit IssuerRemoved(issuer);
    }

    function _judge(
        address,
        uint8,
        Batch calldata batch,
        bytes32[] calldata,
        bytes calldata
    ) internal view override {
        require(isAllowed[batch.attester], IssuerNotAllowed(batch.attester));
    }
}
