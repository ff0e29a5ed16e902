// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Attestation, IAttestationRegistry} from "../../interfaces/IAttestationRegistry.sol";
import {Proof} from "../../types/Tree.sol";
import {WaybillConsumer} from "../WaybillConsumer.sol";

/// @title An example: a gate by proofs
/// @notice Redeems vouchers that the issuer has sealed, many in a transaction, each once. Their schema is
/// `uint64 number,uint128 points`.
contract VoucherDesk is WaybillConsumer {
    /// @notice Whose statements count.
    address public immutable issuer;

    /// @notice Under which schema.
    bytes32 public immutable schema;

    /// @notice Which vouchers are spent.
    mapping(uint64 number => bool) public isRedeemed;
    /// @notice What every holder has got.
    mapping(address holder => uint256) public pointsOf;

    /// @notice A voucher was redeemed.
    event Redeemed(address indexed holder, uint64 indexed number, uint128 points);

    /// @notice The voucher was redeemed before.
    error AlreadyRedeemed(uint64 number);

    constructor(IAttestationRegistry waybill_, address issuer_, bytes32 schema_) WaybillConsumer(waybill_) {
        (issuer, schema) = (issuer_, schema_);
    }

    /// @notice Gives the points to whom the voucher names, whoever brings it. By its number, not its uid: the issuer may
    /// have said the same twice.
    function redeem(Attestation calldata voucher, Proof calldata proof) external {
        _requireProven(voucher, proof, issuer, schema);
        (uint64 number, uint128 points) = abi.decode(voucher.data, (uint64, uint128));
        require(!isRedeemed[number], AlreadyRedeemed(number));

        isRedeemed[number] = true;
        pointsOf[voucher.recipient] += points;

        emit Redeemed(voucher.recipient, number, points);
    }
}
