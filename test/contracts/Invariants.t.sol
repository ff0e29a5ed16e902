// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../../contracts/interfaces/IAttestationRegistry.sol";
import {ISchemaRegistry} from "../../contracts/interfaces/ISchemaRegistry.sol";
import {Check} from "./support/Check.sol";
import {Registries} from "./support/Registries.sol";
import {vm} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// What no order of calls can break. That a slot only moves forward is checked by World after every call.
contract InvariantsSpec is Check {
    IAttestationRegistry private _registry;
    World private _world;

    function setUp() external {
        ISchemaRegistry schemas = Registries.newSchemas();
        _registry = Registries.newRegistry(schemas);
        _world = new World(_registry, schemas.register("bool ok", address(0), true));
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_world);
    }

    /// One campaign for all three: each invariant of its own would play the same calls again.
    function invariant_HoldsInEveryOrderOfCalls() external {
        vm.warp(_world.time());
        everySlotHoldsWhatWasSaidAndNothingElse();
        isValidMeansRecordedNotRevokedNotExpired();
        equal(address(_registry).balance, 0);
        equal(address(_registry.schemaRegistry()).balance, 0);
    }

    function everySlotHoldsWhatWasSaidAndNothingElse() private view {
        uint256 count = _world.seenCount();
        for (uint256 i = 0; i < count; ++i) {
            bytes32 uid = _world.seen(i);
            (address attester, uint40 time, uint40 expiresAt, bool revocable, bool revoked) = _registry
                .recordOf(uid);
            (
                address wantAttester,
                uint40 wantTime,
                uint40 wantExpiry,
                bool wantRevocable,
                bool wantRevoked
            ) = _world.ghosts(uid);
            equal(attester, wantAttester);
            equal(time, wantTime);
            equal(expiresAt, wantExpiry);
            equal(revocable, wantRevocable);
            equal(revoked, wantRevoked);
        }
    }

    function isValidMeansRecordedNotRevokedNotExpired() private view {
        uint256 time = _world.time();
        uint256 count = _world.seenCount();
        for (uint256 i = 0; i < count; ++i) {
            bytes32 uid = _world.seen(i);
            (, uint40 recordedAt, uint40 expiresAt, , bool revoked) = _world.ghosts(uid);
            bool valid = recordedAt != 0 && !revoked && (expiresAt == 0 || time < expiresAt);
            equal(_registry.isValid(uid), valid);
            equal(_registry.isValid(_world.body(uid)), valid);
            equal(_registry.uidOf(_world.body(uid)), uid);
        }
    }
}
