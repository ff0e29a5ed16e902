// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IAttestationRegistry} from "../interfaces/IAttestationRegistry.sol";
import {Batch} from "../types/Batch.sol";
import {Resolver} from "./Resolver.sol";

/// @title A price per item
/// @notice Whoever sends pays exactly `price` for every item that is recorded or sealed, at either level anew.
/// Warning: a payee that cannot be paid hurts itself only. Attesting goes on, and what is owed waits here; if the payee
/// can never be paid, it waits for ever.
contract Fee is Resolver {
    using Address for address payable;

    /// @notice All that had come in was paid to the payee.
    event Withdrawn(uint256 amount);

    /// @notice `due` wei come with these items, neither less nor more.
    error WrongValue(uint256 value, uint256 due);

    /// @notice Fees for nobody would be burned.
    error NoPayee();

    /// @notice What an item costs, in wei. With 128 bits, no number of items overflows.
    uint128 public immutable price;

    /// @notice Who gets it.
    address payable public immutable payee;

    constructor(IAttestationRegistry registry_, uint128 price_, address payable payee_) Resolver(registry_) {
        require(payee_ != address(0), NoPayee());
        price = price_;
        payee = payee_;
    }

    /// @notice Pays everything to the payee, whoever calls. Reverts with the payee's own words if it does not take it.
    function withdraw() external {
        uint256 amount = address(this).balance;

        emit Withdrawn(amount);

        payee.sendValue(amount);
    }

    function _judge(
        address,
        uint8,
        Batch calldata,
        bytes32[] calldata uids,
        bytes calldata
    ) internal view override {
        uint256 due = price * uids.length;
        require(msg.value == due, WrongValue(msg.value, due));
    }

    function _takesValue() internal pure override returns (bool) {
        return true;
    }
}
