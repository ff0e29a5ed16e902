// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Attestation, IAttestationRegistry} from "../../interfaces/IAttestationRegistry.sol";
import {Proof} from "../../types/Tree.sol";
import {WaybillConsumer} from "../WaybillConsumer.sol";

/// @title An example: a reader of the newest in a stream
/// @notice Reads the newest price of the issuer's, whose schema is `uint256 price,uint64 observedAt`. Whoever calls
/// brings it, and cannot bring an older one. The stream is for prices alone: after anything else in it there is no newest price.
contract PriceReader is WaybillConsumer {
    /// @notice Whose statements count.
    address public immutable issuer;

    /// @notice Under which schema.
    bytes32 public immutable schema;

    /// @notice In which stream.
    bytes32 public immutable stream;

    /// @notice Seconds that a price may be old: an issuer that has fallen silent is not believed for ever.
    uint64 public immutable maximumAge;

    /// @notice Nothing newer was said, and that was too long ago; or it lies ahead.
    error NotOfNow(uint64 observedAt);

    constructor(
        IAttestationRegistry waybill_,
        address issuer_,
        bytes32 schema_,
        bytes32 stream_,
        uint64 maximumAge_
    ) WaybillConsumer(waybill_) {
        (issuer, schema, stream, maximumAge) = (issuer_, schema_, stream_, maximumAge_);
    }

    /// @param previous hash of the stream before this price: what the Appended event before says, and then every uid that
    /// came before it in its own batch, appended
    /// @return price the newest
    /// @return position of it in the stream
    function read(
        Attestation calldata attestation,
        bytes32 previous
    ) external view returns (uint256 price, uint64 position) {
        position = _requireNewest(attestation, previous, issuer, schema, stream);
        return (_priceIn(attestation), position);
    }

    /// @notice The same of a price that was sealed or anchored.
    function read(
        Attestation calldata attestation,
        Proof calldata proof,
        Link calldata link
    ) external view returns (uint256 price, uint64 position) {
        position = _requireNewest(attestation, proof, link, issuer, schema, stream);
        return (_priceIn(attestation), position);
    }

    function _priceIn(Attestation calldata attestation) private view returns (uint256 price) {
        uint64 observedAt;
        (price, observedAt) = abi.decode(attestation.data, (uint256, uint64));
        require(
            observedAt <= block.timestamp && block.timestamp - observedAt <= maximumAge,
            NotOfNow(observedAt)
        );
    }
}
