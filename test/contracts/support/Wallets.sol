// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IAttestationRegistry} from "../../../contracts/interfaces/IAttestationRegistry.sol";

bytes4 constant MAGIC = 0x1626ba7e;

/// Says yes to signatures of an agreed content for an agreed digest, as a Safe or smart account does.
contract Wallet {
    mapping(bytes32 digest => bytes32 signatureHash) private _accepted;

    function accept(bytes32 digest, bytes calldata signature) external {
        _accepted[digest] = keccak256(signature);
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        return _accepted[digest] == keccak256(signature) ? MAGIC : bytes4(0xffffffff);
    }
}

/// Returns whatever bytes it was made with, to any call.
contract Answering {
    bytes private _answer;

    constructor(bytes memory answer) {
        _answer = answer;
    }

    fallback() external {
        bytes memory answer = _answer;
        assembly {
            return(add(answer, 0x20), mload(answer))
        }
    }
}

/// Reverts, with the magic value for a reason.
contract Reverting {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        assembly {
            mstore(0, shl(224, 0x1626ba7e))
            revert(0, 0x20)
        }
    }
}

/// Burns all the gas that it is given.
contract Burning {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        assembly {
            invalid()
        }
    }
}

/// Tries to write while it is asked.
contract Writing {
    uint256 private _asked;

    fallback() external {
        ++_asked;
        assembly {
            mstore(0, shl(224, 0x1626ba7e))
            return(0, 0x20)
        }
    }
}

/// Signs only what the registry does not yet hold valid: what it reads while it is asked must not run ahead.
contract Curious {
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        bytes32 uid = signature.length == 32 ? bytes32(signature) : digest;
        IAttestationRegistry registry = IAttestationRegistry(msg.sender);
        require(!registry.isValid(uid) && registry.attesterOf(uid) == address(0), "ran ahead");
        return MAGIC;
    }
}
