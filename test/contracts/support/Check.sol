// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {vm, Vm} from "./Vm.sol";

/// Assertions: a test fails because it reverts with what it got and what it wanted.
abstract contract Check {
    error Different(bytes32 got, bytes32 want);
    error DifferentBytes(bytes got, bytes want);
    error NotTrue(string what);
    error UnexpectedEvents(uint256 count);

    function equal(uint256 got, uint256 want) internal pure {
        require(got == want, Different(bytes32(got), bytes32(want)));
    }

    function equal(bytes32 got, bytes32 want) internal pure {
        require(got == want, Different(got, want));
    }

    function equal(address got, address want) internal pure {
        equal(uint160(got), uint160(want));
    }

    function equal(bool got, bool want) internal pure {
        equal(got ? 1 : 0, want ? 1 : 0);
    }

    function equal(bytes memory got, bytes memory want) internal pure {
        require(keccak256(got) == keccak256(want), DifferentBytes(got, want));
    }

    function yes(bool condition, string memory what) internal pure {
        require(condition, NotTrue(what));
    }

    /// Nothing was emitted since `vm.recordLogs()`.
    function silent() internal {
        uint256 count = vm.getRecordedLogs().length;
        require(count == 0, UnexpectedEvents(count));
    }

    function within(uint256 value, uint256 least, uint256 most) internal pure returns (uint256) {
        return least + (value % (most - least + 1));
    }
}
