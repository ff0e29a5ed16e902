import { expect } from "chai";
import type { Call, CallResult, Chain } from "../../src/chain/chain.js";
import { type EmbeddedChain, openEmbeddedChain } from "../../src/chain/embedded.js";
import type { Request } from "../../src/chain/http.js";
import { chainOf } from "../../src/chain/node.js";
import {
  callResultOf,
  isUnknownBlock,
  isUnsupported,
  type Refusal,
  sendReplyOf,
} from "../../src/chain/nodeErrors.js";
import { localKey } from "../../src/cli/keys.js";
import { RpcError } from "../../src/errors.js";
import type { Hex } from "../../src/hex.js";
import { keyOf, type UnsignedTransaction } from "../../src/key.js";
import { type Anvil, startAnvil } from "../support/anvil.js";
import { dropped, faultyNode, refusing } from "../support/proxy.js";

/** Texts as the named file writes them, with numbers filled in. No other clients than anvil and EDR can be run here. */
type Said = [source: string, texts: [kind: string, text: string, code?: number][]];

const GAS = "too large: gas";
const BYTES = "too large: bytes";

const SENT: { [client: string]: Said[] } = {
  geth: [
    [
      "core/txpool/errors.go",
      [
        ["known", "already known"],
        ["refused", "invalid sender"],
        ["fee too low", "transaction underpriced"],
        ["underpriced", "replacement transaction underpriced"],
        ["fee too low", "transaction gas price below minimum: gas tip cap 1, minimum needed 1000000"],
        ["no answer", "account limit exceeded: pooled 16 txs"],
        [GAS, "exceeds block gas limit"],
        ["refused", "negative value"],
        [BYTES, "oversized data: transaction size 140000, limit 131072"],
        ["refused", "transaction blob limit exceeded: blob count 9, limit 6"],
        ["refused", "address already reserved"],
        ["nonce too high", "in-flight transaction limit reached for delegated accounts"],
      ],
    ],
    [
      "core/txpool/validation.go",
      [
        ["refused", "transaction type not supported: type 4 rejected, pool not yet in Prague"],
        [GAS, "transaction gas limit too high (cap: 16777216, tx: 16777217)"],
        ["refused", "intrinsic gas too low: gas 20000, minimum needed 21000"],
        ["refused", "insufficient gas for floor data gas cost: gas 22000, minimum needed 25000"],
        ["nonce too low", "nonce too low: next nonce 5, tx nonce 4"],
        ["nonce too high", "nonce too high: tx nonce 9, gapped nonce 5"],
        [
          "funds",
          "insufficient funds for gas * price + value: balance 0, queued cost 5, tx cost 21000, overshot 21005",
        ],
        // Before 2025.
        ["fee too low", "transaction underpriced: gas tip cap 1, minimum needed 1000000"],
        ["fee too low", "transaction underpriced: tip needed 1000000, tip permitted 1"],
      ],
    ],
    [
      "core/txpool/legacypool/legacypool.go",
      [
        ["no answer", "txpool is full"],
        ["nonce too high", "gapped-nonce tx from delegated accounts"],
        ["refused", "authority already reserved"],
        ["no answer", "future transaction tries to replace pending"],
      ],
    ],
    [
      "core/error.go, core/state_transition.go",
      [
        ["refused", "nonce has max value: address 0x00, nonce: 18446744073709551615"],
        ["refused", "max priority fee per gas higher than max fee per gas"],
        [
          "fee too low",
          "max fee per gas less than block base fee: address 0x00, maxFeePerGas: 1, baseFee: 7",
        ],
        ["refused", "sender not an eoa: address 0x00, len(code): 5"],
        ["refused", "max fee per blob gas less than block blob gas fee"],
      ],
    ],
    [
      "internal/ethapi/api.go",
      [
        // The node's own --rpc.txfeecap, 1 ether unless set: a full transaction reaches it at 60 gwei.
        ["refused", "tx fee (1.20 ether) exceeds the configured cap (1.00 ether)"],
        ["refused", "only replay-protected (EIP-155) transactions allowed over RPC"],
      ],
    ],
    ["rpc/errors.go", [["no answer", "request timed out", -32002]]],
  ],
  "op-geth": [
    [
      "core/txpool/validation.go, core/state_transition.go",
      [
        ["fee too low", "transaction underpriced: gas tip cap 0, minimum needed 1"],
        ["funds", "insufficient funds for gas * price + value: balance 0, tx cost 5, overshot 5"],
        ["refused", "transaction type not supported: tx type 126 not supported by this pool"],
        [GAS, "exceeds block gas limit"],
      ],
    ],
    [
      "proxyd (in front of the public endpoints)",
      [
        ["no answer", "over rate limit", -32016],
        ["no answer", "sender is over rate limit", -32017],
        ["no answer", "no backend is currently healthy to serve traffic", -32011],
      ],
    ],
  ],
  Nitro: [
    [
      "execution/gethexec/tx_pre_checker.go",
      [
        ["nonce too low", "nonce too low: address 0x00, tx: 4 state: 5"],
        ["nonce too high", "nonce too high: address 0x00, tx: 9 state: 5"],
        [
          "fee too low",
          "max fee per gas less than block base fee: address 0x00, maxFeePerGas: 1 baseFee: 10000000",
        ],
        ["funds", "insufficient funds for gas * price + value: address 0x00 have 0 want 21000"],
        ["refused", "intrinsic gas too low"],
      ],
    ],
    [
      "execution/gethexec/sequencer.go",
      [
        [BYTES, "oversized data"],
        [GAS, "gas limit reached"],
        ["refused", "transaction sender is not on the whitelist"],
        ["no answer", "sequencer temporarily not available"],
        ["no answer", "sequencer internal error"],
        ["no answer", "currently not accepting transactions due to expected surplus being below threshold"],
        ["no answer", "context deadline exceeded"],
      ],
    ],
    [
      "execution/gethexec/forwarder.go",
      [
        ["no answer", "failed to publish transaction to any of the forwarding targets"],
        ["refused", "publishing transactions not supported by this endpoint"],
      ],
    ],
  ],
  Nethermind: [
    [
      "Nethermind.TxPool/TxPoolErrorMessages.cs (since 2026)",
      [
        ["known", "already known"],
        ["fee too low", "transaction underpriced, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7"],
        ["underpriced", "replacement transaction underpriced"],
        [GAS, "gas limit reached, Gas limit: 30000000, gas limit of rejected tx: 40000000"],
        ["funds", "insufficient funds for gas * price + value, Balance is zero, cannot pay gas"],
        ["nonce too high", "nonce too high, Future nonce. Expected nonce: 62"],
        ["nonce too low", "nonce too low, Current nonce: 5, nonce of rejected tx: 4"],
        ["refused", "sender not an eoa"],
        ["nonce too high", "nonce too far in future"],
        [BYTES, "transaction too large"],
        ["nonce too high", "delegation nonce gap"],
        ["nonce too high", "delegation authority has pending transaction"],
        ["no answer", "node is syncing"],
        ["refused", "transaction cost overflow"],
      ],
    ],
    [
      "Nethermind.TxPool/AcceptTxResult.cs (before)",
      [
        ["known", "AlreadyKnown", -32010],
        ["refused", "FailedToResolveSender", -32010],
        ["fee too low", "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7", -32010],
        ["fee too low", "FeeTooLow, EffectivePriorityFeePerGas too low 0 < 1, BaseFee: 7", -32010],
        ["fee too low", "FeeTooLowToCompete", -32010],
        [GAS, "GasLimitExceeded, Gas limit: 30000000, gas limit of rejected tx: 40000000", -32010],
        [GAS, "GasLimitExceeded, Tx gas limit cap: 16777216, gas limit of rejected tx: 16777217", -32010],
        ["funds", "InsufficientFunds, Account balance: 0, cumulative cost: 21000", -32010],
        ["refused", "Int256Overflow", -32010],
        ["refused", "Invalid, InvalidTxChainId: Expected 1, got 5.", -32010],
        ["nonce too high", "NonceGap, Future nonce. Expected nonce: 62", -32010],
        ["nonce too low", "OldNonce, Current nonce: 5, nonce of rejected tx: 4", -32010],
        ["underpriced", "OwnNonceAlreadyUsed", -32010],
        ["underpriced", "ReplacementNotAllowed", -32010],
        ["refused", "SenderIsContract", -32010],
        ["nonce too high", "NonceTooFarInFuture", -32010],
        [BYTES, "MaxTxSizeExceeded", -32010],
        ["nonce too high", "NotCurrentNonceForDelegation", -32010],
        ["nonce too high", "DelegatorHasPendingTx", -32010],
        ["no answer", "Syncing", -32010],
      ],
    ],
    [
      "Nethermind.Core/Messages/TxErrorMessages.cs",
      [
        [
          "refused",
          "BlobTxGasLimitExceeded: Transaction's totalDataGas=9 exceeded MaxBlobGas per transaction=6.",
        ],
        [GAS, "TxGasLimitCapExceeded: Gas limit 16777217 exceeded cap of 16777216."],
        ["refused", "NonceTooHigh: Nonce exceeds max nonce"],
        ["refused", "InvalidMaxPriorityFeePerGas: Cannot be higher than maxFeePerGas."],
        ["refused", "InvalidTxSignature: Signature is invalid."],
      ],
    ],
  ],
  Besu: [
    [
      "api/jsonrpc/internal/response/RpcErrorType.java",
      [
        ["known", "Known transaction", -32000],
        ["underpriced", "Replacement transaction underpriced", -32000],
        ["nonce too low", "Nonce too low", -32001],
        ["refused", "Invalid signature", -32002],
        ["refused", "Intrinsic gas exceeds gas limit", -32003],
        ["funds", "Upfront cost exceeds account balance", -32004],
        [GAS, "Transaction gas limit exceeds block gas limit", -32005],
        [GAS, "Transaction gas limit cap exceeded", -32005],
        ["nonce too high", "Nonce too high", -32006],
        ["refused", "Sender account not authorized to send transactions", -32007],
        ["no answer", "Initial sync is still in progress", -32008],
        ["fee too low", "Gas price below configured minimum gas price", -32009],
        ["fee too low", "Gas price below current base fee", -32009],
        ["refused", "Wrong chainId", -32000],
        ["refused", "Transaction fee cap exceeded", -32000],
        ["refused", "Max priority fee per gas exceeds max fee per gas", -32000],
        ["nonce too high", "Transaction nonce is too distant from current sender nonce", -32000],
        ["nonce too high", "An invalid transaction with a lower nonce exists", -32000],
        [
          "no answer",
          "Transaction pool not enabled. (Either txpool explicitly disabled, or node not yet in sync).",
        ],
        ["no answer", "Timeout expired", -32603],
        ["refused", "Internal error", -32603],
        // What it says to bytes that are no transaction.
        ["refused", "Invalid block param (block not found)", -32602],
      ],
    ],
  ],
  Erigon: [
    [
      "txnprovider/txpool/txpoolcfg/txpoolcfg.go behind rpc/jsonrpc/send_transaction.go's prefix",
      [
        ["known", "ALREADY_EXISTS: already known"],
        ["known", "INTERNAL_ERROR: existing txn with same hash"],
        ["refused", "INTERNAL_ERROR: mined"],
        ["underpriced", "INTERNAL_ERROR: replaced by transaction with higher tip"],
        ["fee too low", "FEE_TOO_LOW: underpriced"],
        ["underpriced", "FEE_TOO_LOW: replacement transaction underpriced"],
        ["fee too low", "FEE_TOO_LOW: fee too low"],
        [BYTES, "INVALID: oversized data"],
        [BYTES, "INVALID: RLPTooLong"],
        ["no answer", "INTERNAL_ERROR: spammer"],
        ["no answer", "INTERNAL_ERROR: pending sub-pool is full"],
        ["no answer", "INTERNAL_ERROR: baseFee sub-pool is full"],
        ["no answer", "INTERNAL_ERROR: queued sub-pool is full"],
        ["refused", "INTERNAL_ERROR: IntrinsicGas"],
        ["refused", "INTERNAL_ERROR: GasUintOverflow"],
        ["nonce too low", "INTERNAL_ERROR: nonce too low"],
        ["funds", "INTERNAL_ERROR: insufficient funds"],
        ["underpriced", "INTERNAL_ERROR: could not replace existing tx"],
        [GAS, "INTERNAL_ERROR: gas limit is too high"],
      ],
    ],
    [
      "rpc/jsonrpc/send_transaction.go",
      [
        ["refused", "tx fee (1.20 ether) exceeds the configured cap (1.00 ether)"],
        ["refused", "invalid chain id, expected: 1 got: 5"],
      ],
    ],
  ],
  Reth: [
    [
      "crates/rpc/rpc-eth-types/src/error/mod.rs",
      [
        ["known", "already known"],
        ["fee too low", "transaction underpriced"],
        ["no answer", "txpool is full", -32003],
        ["underpriced", "replacement transaction underpriced"],
        [GAS, "exceeds block gas limit"],
        [GAS, "exceeds max transaction gas limit"],
        [GAS, "intrinsic gas too high"],
        [GAS, "gas limit too high"],
        ["refused", "intrinsic gas too low"],
        ["refused", "tx fee (1200000000000000000 wei) exceeds the configured cap (1000000000000000000 wei)"],
        [BYTES, "oversized data: transaction size 140000, limit 131072"],
        ["nonce too low", "nonce too low: next nonce 5, tx nonce 4"],
        ["nonce too high", "nonce too high"],
        ["funds", "insufficient funds for gas * price + value: have 0 want 21000"],
        ["fee too low", "max fee per gas less than block base fee"],
        ["fee too low", "transaction priority fee below minimum required priority fee 1000000"],
        ["refused", "max priority fee per gas higher than max fee per gas"],
        ["refused", "invalid transaction signature"],
        ["refused", "failed to decode signed transaction"],
        ["refused", "invalid chain ID"],
      ],
    ],
    [
      "crates/transaction-pool/src/error.rs",
      [
        ["known", "[0xab]: already imported"],
        ["underpriced", "[0xab]: insufficient gas price to replace existing transaction"],
        ["nonce too high", "gapped-nonce tx from delegated accounts"],
        ["nonce too high", "in-flight transaction limit reached for delegated accounts"],
      ],
    ],
  ],
  "anvil, as its source has it": [
    [
      "crates/anvil/src/eth/error/mod.rs",
      [
        ["known", "transaction already imported", -32003],
        ["underpriced", "replacement transaction underpriced", -32003],
        [GAS, "intrinsic gas too high -- CallerGasLimitMoreThanBlock"],
        ["refused", "intrinsic gas too high -- CallGasCostMoreThanGasLimit"],
        ["refused", "intrinsic gas too high -- GasFloorMoreThanGasLimit"],
        [
          GAS,
          "Transaction gas limit is greater than the block gas limit, gas_limit: 16777217, cap: 16777216",
        ],
        ["funds", "Insufficient funds for gas * price + value"],
      ],
    ],
  ],
  "EDR, as its source has it": [
    [
      "crates/mem_pool/src/lib.rs, crates/edr_provider/src/error.rs",
      [
        ["known", "Known transaction: 0xab"],
        ["nonce too low", "Transaction nonce too low. Expected nonce to be at least 1 but got 0."],
        [GAS, "Transaction gas limit is 2000000 and exceeds block gas limit of 1000000"],
        [GAS, "Transaction gas limit is 16777217 and exceeds transaction gas cap of 16777216"],
        [
          "funds",
          "Sender doesn't have enough funds to send tx. The max upfront cost is: 21000 and the sender's balance is: 0.",
        ],
        ["fee too low", "Transaction gas price is 1, which is below the minimum of 7"],
        [
          "fee too low",
          "Transaction gasPrice (1) is too low for the next block, which has a baseFeePerGas of 7",
        ],
        [GAS, "transaction gas limit (16777217) is greater than the cap (16777216)"],
        ["refused", "Transaction requires gas floor of 40000 but got limit of 30000"],
      ],
    ],
  ],
  "a provider's plan": [
    [
      "Infura",
      [
        ["no answer", "daily request count exceeded, request rate limited", -32005],
        ["no answer", "project ID request rate exceeded", -32005],
        ["no answer", "limit exceeded", -32005],
      ],
    ],
    [
      "Alchemy",
      [
        [
          "no answer",
          "Your app has exceeded its compute units per second capacity. If you have retries enabled, you can safely ignore this message.",
          429,
        ],
        ["no answer", "Monthly capacity limit exceeded.", 429],
        ["no answer", "try again later", 429],
      ],
    ],
    ["QuickNode", [["no answer", "50/second request limit reached - reduce calls per second", -32007]]],
    [
      "a gateway's HTTP status as a text",
      [
        ["no answer", "Too Many Requests"],
        ["no answer", "capacity exceeded"],
      ],
    ],
    ["Ankr", [["no answer", "Too many requests, reason: call rate limit exhausted, retry in 10s", -32090]]],
    ["1RPC", [["no answer", "You've reached the usage limit for your current plan.", -32001]]],
    [
      "dRPC",
      [["no answer", "Request timeout on the free tier, please upgrade your tier to the paid one", 30]],
    ],
  ],
  "nobody in particular": [
    [
      "what must never count as being there, or as too large",
      [
        ["refused", "unknown transaction type"],
        ["refused", "block already known"],
        ["refused", "sender already known"],
        ["refused", "nonce already imported"],
        ["refused", "transaction type already known to be invalid"],
        ["refused", "execution reverted"],
        ["refused", "gas required exceeds allowance (21000)"],
        ["refused", ""],
      ],
    ],
  ],
};

/** Real answers to eth_call, with code and data in each client's shape. */
const REASON =
  "0x08c379a0000000000000000000000000000000000000000000000000000000000000002000000000000000000000000000000000000000000000000000000000000000026e6f000000000000000000000000000000000000000000000000000000000000";

const CALLED: { [client: string]: [refusal: Refusal, data: Hex | "unavailable"][] } = {
  // internal/ethapi/errors.go, core/vm/errors.go, eth/api_backend.go, trie/errors.go, triedb/pathdb
  geth: [
    [{ code: 3, message: "execution reverted: no", data: REASON }, REASON],
    [{ code: 3, message: "execution reverted", data: "0x" }, "0x"],
    [{ code: -32000, message: "execution reverted" }, "0x"],
    [{ code: -32000, message: "out of gas" }, "0x"],
    [{ code: -32000, message: "invalid opcode: INVALID" }, "0x"],
    [{ code: -32000, message: "invalid jump destination" }, "0x"],
    [{ code: -32000, message: "stack underflow (0 <=> 2)" }, "0x"],
    [{ code: -32000, message: "stack limit reached 1024 (1023)" }, "0x"],
    [{ code: -32000, message: "gas uint64 overflow" }, "0x"],
    [{ code: -32000, message: "write protection" }, "0x"],
    [{ code: -32000, message: "return data out of bounds" }, "0x"],
    [{ code: -32000, message: "err: out of gas (supplied gas 100000)" }, "0x"],
    [{ code: -32000, message: "header not found" }, "unavailable"],
    [{ code: -32000, message: "header for hash not found" }, "unavailable"],
    [{ code: -32000, message: "hash is not currently canonical" }, "unavailable"],
    [{ code: -32000, message: "missing trie node 0abc (path 0102) <nil>" }, "unavailable"],
    [{ code: -32000, message: "historical state 0abc is not available" }, "unavailable"],
    [{ code: -32000, message: "execution aborted (timeout = 5s)" }, "unavailable"],
    [{ code: -32002, message: "request timed out" }, "unavailable"],
    // No code was run: with our gas model that is our fault and no item's.
    [
      { code: -32000, message: "err: intrinsic gas too low: have 1, want 21000 (supplied gas 1)" },
      "unavailable",
    ],
    [
      { code: -32000, message: "transaction indexing is in progress", data: `0x${"12".repeat(32)}` },
      "unavailable",
    ],
  ],
  // api/jsonrpc/internal/methods/EthCall.java: a call that runs out of gas is an internal error as well
  Besu: [
    [{ code: 3, message: "Execution reverted (no)", data: REASON }, REASON],
    [{ code: -32603, message: "Internal error" }, "unavailable"],
    [{ code: -32000, message: "World state unavailable" }, "unavailable"],
    [{ code: -32000, message: "Block not found" }, "unavailable"],
    [{ code: 4444, message: "Pruned history unavailable" }, "unavailable"],
  ],
  // Nethermind.JsonRpc/Modules/Eth/EthRpcModule.TransactionExecutor.cs, Nethermind.Evm/EvmExceptionExtensions.cs
  Nethermind: [
    [{ code: 3, message: "execution reverted: no", data: REASON }, REASON],
    [{ code: 3, message: "execution reverted", data: null }, "0x"],
    [{ code: -32015, message: "VM execution error.", data: "Reverted 0xdeadbeef" }, "0xdeadbeef"],
    [{ code: -32000, message: "out of gas" }, "0x"],
    [{ code: -32000, message: "invalid instruction" }, "0x"],
    [{ code: -32000, message: "max call depth exceeded" }, "0x"],
    [{ code: -32002, message: "No state available for block 0xab" }, "unavailable"],
    [{ code: -32001, message: "0xab could not be found" }, "unavailable"],
  ],
  // rpc/rpchelper
  Erigon: [
    [{ code: 3, message: "execution reverted", data: "0xdeadbeef" }, "0xdeadbeef"],
    [{ code: -32000, message: "out of gas" }, "0x"],
    [{ code: -32603, message: "hash ab is not currently canonical" }, "unavailable"],
    [{ code: -32000, message: "block ab not found" }, "unavailable"],
    [{ code: -39001, message: "Unknown block" }, "unavailable"],
  ],
  // crates/rpc/rpc-eth-types/src/error/mod.rs, crates/storage/errors/src/provider.rs
  Reth: [
    [{ code: 3, message: "execution reverted: no", data: REASON }, REASON],
    [{ code: -32003, message: "out of gas: gas required exceeds: 100000" }, "0x"],
    [{ code: -32000, message: "EVM error: InvalidFEOpcode" }, "0x"],
    [{ code: -32001, message: "block not found: 0xab" }, "unavailable"],
    [{ code: -32603, message: "state at block #5 is pruned" }, "unavailable"],
    [
      {
        code: -32603,
        message: "insufficient changesets to revert to block #5. Available changeset range: 7..9",
      },
      "unavailable",
    ],
    [{ code: -32603, message: "Unbounded start is unsupported in from_reverts" }, "unavailable"],
  ],
  Nitro: [
    [{ code: 3, message: "execution reverted: no", data: REASON }, REASON],
    [
      { code: -32000, message: "missing trie node 0abc (path ) state 0x0abc is not available" },
      "unavailable",
    ],
  ],
  anvil: [
    [{ code: -32603, message: "EVM error OutOfGas" }, "0x"],
    [{ code: -32603, message: "EVM error FatalExternalError" }, "unavailable"],
    [{ code: -32603, message: "Fork Error: error sending request" }, "unavailable"],
  ],
  // crates/edr_provider/src/error.rs; Hardhat 2 has the code of an internal error
  EDR: [
    [
      {
        code: -32603,
        message: "VM Exception while processing transaction: reverted with an unrecognized custom error",
        data: { message: "the same", data: "0xdeadbeef" },
      },
      "0xdeadbeef",
    ],
    [{ code: -32603, message: "reverted with reason string 'no'", data: REASON }, REASON],
    [{ code: -32603, message: "Transaction reverted without a reason string" }, "0x"],
    [{ code: -32000, message: "Transaction ran out of gas", data: { data: "0x" } }, "0x"],
    [{ code: -32000, message: "Transaction requires at least 21000 gas but got 256" }, "unavailable"],
    [{ code: -32000, message: "Received invalid block tag 39321. Latest block number is 0" }, "unavailable"],
  ],
  "nobody in particular": [
    [{ code: -32000, message: "this plan is out of gas" }, "unavailable"],
    [{ code: -32000, message: "the block of the transaction reverted at this node" }, "unavailable"],
    [{ code: -32000, message: "this node was reverted with a backup" }, "unavailable"],
    [{ code: -32000, message: "no VM execution error is known" }, "unavailable"],
    [{ code: -32000, message: "the tracer has an invalid instruction" }, "unavailable"],
    [{ code: -32000, message: "proxy: max call depth" }, "unavailable"],
    [{ code: -32000, message: "the node ran out of gas, call support" }, "unavailable"],
    [{ code: -32000, message: "no EVM error: nothing was run" }, "unavailable"],
    [{ code: -32000, message: "", data: "0xdeadbeef" }, "unavailable"],
  ],
  "a wallet in between": [
    [
      {
        code: -32603,
        message: "Internal JSON-RPC error.",
        data: { code: 3, message: "execution reverted", data: "0xdeadbeef" },
      },
      "0xdeadbeef",
    ],
    [
      {
        code: -32603,
        message: "Internal JSON-RPC error.",
        data: { code: -32000, message: "header not found" },
      },
      "unavailable",
    ],
  ],
  "a provider's plan": [
    [{ code: 429, message: "compute units per second capacity exceeded" }, "unavailable"],
    [{ code: -32005, message: "project ID request rate exceeded", data: { see: "0xab" } }, "unavailable"],
    [{ code: 30, message: "Request timeout on the free tier" }, "unavailable"],
  ],
};

const NO_BLOCK: { [client: string]: Refusal[] } = {
  geth: [
    { code: -32000, message: "finalized block not found" },
    { code: -32000, message: "safe block not found" },
    { code: -32000, message: "pending block is not available" },
    { code: -32000, message: "header not found" },
    // Before finality was known, and in chains that are older forks.
    { code: -32602, message: "invalid argument 0: hex string without 0x prefix" },
  ],
  Besu: [
    { code: -39001, message: "Unknown block" },
    { code: -32000, message: "Block not found" },
  ],
  Erigon: [{ code: -39001, message: "Unknown block" }],
  Nethermind: [{ code: -32001, message: "Finalized could not be found" }],
  Reth: [{ code: -32001, message: "block not found: finalized" }],
  EDR: [
    { code: -32000, message: "Received invalid block tag 39321. Latest block number is 0" },
    { code: -32602, message: "The 'safe' block tag is not allowed in pre-merge hardforks." },
  ],
};

const NO_METHOD: { [client: string]: Refusal[] } = {
  geth: [{ code: -32601, message: "the method eth_x does not exist/is not available" }],
  Besu: [
    { code: -32601, message: "Method not found" },
    { code: -32604, message: "Method not enabled" },
  ],
  EDR: [{ code: -32004, message: "Method eth_getBlockReceipts is not supported" }],
  Alchemy: [{ code: -32600, message: "Unsupported method: eth_x on ETH_MAINNET" }],
};

const TROUBLE: Refusal[] = [
  { code: -32005, message: "limit exceeded" },
  { code: -32603, message: "Internal error" },
  { code: -32000, message: "missing trie node 0abc" },
  { code: -32603, message: "method handler crashed" },
];

function shown(refusal: Refusal): string {
  const reply = sendReplyOf(refusal);
  return reply.kind === "too large" ? `${reply.kind}: ${reply.limit}` : reply.kind;
}

describe("a node's refusal of a transaction", () => {
  for (const [client, said] of Object.entries(SENT)) {
    it(`is understood in the words of ${client}`, () => {
      for (const [source, texts] of said) {
        for (const [kind, message, code = -32000] of texts) {
          expect(shown({ code, message }), `${source}: ${message}`).to.equal(kind);
        }
      }
    });
  }

  it("is handed on in the node's words, unless the transaction is there", () => {
    expect(sendReplyOf({ code: 1, message: "nonce too low" })).to.deep.equal({
      kind: "nonce too low",
      message: "nonce too low",
    });
    expect(sendReplyOf({ code: 1, message: "already known" })).to.deep.equal({ kind: "known" });
  });
});

describe("a node's refusal of a call", () => {
  for (const [client, said] of Object.entries(CALLED)) {
    it(`is the call's failure or the node's, in the words of ${client}`, () => {
      for (const [refusal, data] of said) {
        const expected: CallResult =
          data === "unavailable"
            ? { kind: "unavailable", message: refusal.message }
            : { kind: "reverted", data };
        expect(callResultOf(refusal), refusal.message).to.deep.equal(expected);
      }
    });
  }
});

describe("a node that lacks a block or a method", () => {
  for (const [client, refusals] of Object.entries(NO_BLOCK)) {
    it(`says so in the words of ${client}, and there is no block`, async () => {
      for (const refusal of refusals) {
        expect(isUnknownBlock(refusal), refusal.message).to.equal(true);
        const chain = chainOf(async () => {
          throw new RpcError(refusal.code, refusal.message, undefined);
        });
        expect(await chain.block("finalized")).to.equal(null);
      }
    });
  }
  for (const [client, refusals] of Object.entries(NO_METHOD)) {
    it(`says so in the words of ${client}, and it is not asked again`, () => {
      for (const refusal of refusals) expect(isUnsupported(refusal), refusal.message).to.equal(true);
    });
  }
  it("is not one that is in trouble", () => {
    for (const refusal of TROUBLE) {
      expect(isUnsupported(refusal), refusal.message).to.equal(false);
      expect(isUnknownBlock(refusal), refusal.message).to.equal(false);
    }
  });
});

const key = localKey(1);
const poor = keyOf("11".repeat(32), "a test");
const NOWHERE: Hex = `0x${"12".repeat(32)}`;

function signed(more: Partial<UnsignedTransaction> & { nonce: number }, by = key): Hex {
  return by.signTransaction({
    chainId: 31337n,
    to: localKey(2).address,
    data: "0x",
    gasLimit: 21_000n,
    maxFee: 10n ** 10n,
    tip: 1n,
    ...more,
  }).raw;
}

/** Contracts by their code, and what calling them is. */
const CONTRACTS: [what: string, code: Hex, data: Hex][] = [
  ["reverts without data", "0x60006000fd", "0x"],
  ["reverts with data", "0x63deadbeef6000526004601cfd", "0xdeadbeef"],
  ["has an invalid opcode", "0xfe", "0x"],
  ["has an opcode that nobody knows", "0x0c", "0x"],
  ["runs out of gas", "0x5b600056", "0x"],
  ["takes from an empty stack", "0x01", "0x"],
  ["jumps to nowhere", "0x600056", "0x"],
];

async function callsFail(chain: Chain, request: Request): Promise<void> {
  for (const [index, [what, code, data]] of CONTRACTS.entries()) {
    const to: Hex = `0x${(index + 1).toString(16).padStart(40, "c")}`;
    await request("hardhat_setCode", [to, code]);
    const call: Call = { to, data: "0x", gas: 100_000n };
    expect(await chain.call(call, "latest"), what).to.deep.equal({ kind: "reverted", data });
    for (const at of [40_000, NOWHERE]) {
      expect(await chain.call(call, at), `${what}, asked at ${at}`).to.include({ kind: "unavailable" });
    }
    expect(await chain.call({ ...call, gas: 100n }, "latest"), what).to.include({ kind: "unavailable" });
  }
}

describe("anvil", function () {
  this.timeout(120_000);
  let node: Anvil;
  before(async () => {
    node = await startAnvil("--no-mining");
  });
  after(() => node.stop());
  const send = (raw: Hex) => chainOf(node.request).send(raw);

  it("says to a transaction what its words mean", async () => {
    expect(await send(signed({ nonce: 0 }))).to.deep.equal({ kind: "accepted" });
    expect(await send(signed({ nonce: 0 }))).to.deep.equal({ kind: "known" });
    expect(await send(signed({ nonce: 0, maxFee: 10n ** 10n - 1n }))).to.include({ kind: "underpriced" });
    await node.request("evm_mine", []);
    expect(await send(signed({ nonce: 0 }))).to.include({ kind: "nonce too low" });
    expect(await send(signed({ nonce: 1, maxFee: 5n }))).to.include({ kind: "fee too low" });
    expect(await send(signed({ nonce: 0 }, poor))).to.include({ kind: "funds" });
    expect(await send(signed({ nonce: 1, value: 10n ** 24n }))).to.include({ kind: "funds" });
    expect(await send(signed({ nonce: 1, gasLimit: 20_000n }))).to.include({ kind: "refused" });
    expect(await send(signed({ nonce: 1, chainId: 1n }))).to.include({ kind: "refused" });
    expect(await send("0x02ff")).to.include({ kind: "refused" });
    for (const gasLimit of [2n ** 24n + 1n, 10n ** 9n]) {
      expect(await send(signed({ nonce: 1, gasLimit }))).to.include({ kind: "too large", limit: "gas" });
    }
  });

  it("says of a call whether it failed", () => callsFail(chainOf(node.request), node.request));

  it("has no block where there is none, and knows a method that is not there", async () => {
    const chain = chainOf(node.request);
    expect(await chain.block(40_000)).to.equal(null);
    expect(await chain.block(NOWHERE)).to.equal(null);
    const refusal = await node.request("eth_nothing", []).catch((error: RpcError) => error);
    expect(isUnsupported(refusal as RpcError)).to.equal(true);
  });
});

describe("EDR, the embedded chain", function () {
  this.timeout(120_000);
  let chain: EmbeddedChain;
  before(async () => {
    chain = await openEmbeddedChain();
  });
  after(() => chain.close());
  const send = (raw: Hex) => chainOf(chain.request).send(raw);

  it("says to a transaction what its words mean, while it mines at once", async () => {
    expect(await send(signed({ nonce: 0 }))).to.deep.equal({ kind: "accepted" });
    expect(await send(signed({ nonce: 0 }))).to.include({ kind: "nonce too low" });
    // Its text for this one names the expected nonce as well.
    expect(await send(signed({ nonce: 7 }))).to.include({ kind: "nonce too high" });
    expect(await send(signed({ nonce: 1, maxFee: 5n }))).to.include({ kind: "fee too low" });
    expect(await send(signed({ nonce: 0 }, poor))).to.include({ kind: "funds" });
    expect(await send(signed({ nonce: 1, gasLimit: 20_000n }))).to.include({ kind: "refused" });
    expect(await send("0x02ff")).to.include({ kind: "refused" });
    expect(await send(signed({ nonce: 1, gasLimit: 2n ** 24n + 1n }))).to.include({
      kind: "too large",
      limit: "gas",
    });
  });

  it("says of a call whether it failed", () => callsFail(chainOf(chain.request), chain.request));

  it("has no block where there is none, and knows a method that is not there", async () => {
    expect(await chainOf(chain.request).block(40_000)).to.equal(null);
    const refusal = await chain.request("eth_getBlockReceipts", [NOWHERE]).catch((error: RpcError) => error);
    expect(isUnsupported(refusal as RpcError)).to.equal(true);
  });

  it("says to a transaction what its words mean, while others wait in its pool", async () => {
    await chain.request("evm_setAutomine", [false]);
    expect(await send(signed({ nonce: 1 }))).to.deep.equal({ kind: "accepted" });
    expect(await send(signed({ nonce: 1 }))).to.deep.equal({ kind: "known" });
    expect(await send(signed({ nonce: 1, maxFee: 10n ** 10n + 1n }))).to.include({ kind: "underpriced" });
    expect(await send(signed({ nonce: 0 }))).to.include({ kind: "nonce too low" });
    await chain.request("evm_setBlockGasLimit", ["0xf4240"]);
    expect(await send(signed({ nonce: 2, gasLimit: 2_000_000n }))).to.include({
      kind: "too large",
      limit: "gas",
    });
  });
});

describe("the receipts of a block", () => {
  const hash: Hex = `0x${"01".repeat(32)}`;
  const raw = {
    transactionHash: hash,
    blockNumber: "0x1",
    blockHash: NOWHERE,
    status: "0x1",
    gasUsed: "0x1",
    effectiveGasPrice: "0x1",
  };
  const block = {
    number: 1,
    hash: NOWHERE,
    parentHash: hash,
    timestamp: 0,
    gasLimit: 0n,
    gasUsed: 0n,
    baseFee: 0n,
    transactions: [hash],
  };
  const node = faultyNode(async (method) => (method === "eth_getBlockReceipts" ? [raw] : raw));
  const methods = () => node.asked.splice(0).map(({ method }) => method);

  it("are asked for in one request again after a limit, a hiccup or a lost answer", async () => {
    const chain = chainOf(node.request);
    for (const fault of [refusing("limit exceeded", -32005), refusing("Internal error", -32603)]) {
      node.next("eth_getBlockReceipts", fault);
      expect(await chain.receipts(block, [hash])).to.have.length(1);
      expect(methods()).to.deep.equal(["eth_getBlockReceipts", "eth_getTransactionReceipt"]);
    }
    node.next("eth_getBlockReceipts", dropped);
    expect(await chain.receipts(block, [hash]).catch((error: { code: string }) => error.code)).to.equal(
      "E_NODE",
    );
    methods();
    expect(await chain.receipts(block, [hash])).to.have.length(1);
    expect(methods()).to.deep.equal(["eth_getBlockReceipts"]);
  });

  it("are asked for one by one for ever where there is no such method", async () => {
    const chain = chainOf(node.request);
    node.next("eth_getBlockReceipts", refusing("Method eth_getBlockReceipts is not supported", -32004));
    for (const expected of [
      ["eth_getBlockReceipts", "eth_getTransactionReceipt"],
      ["eth_getTransactionReceipt"],
    ]) {
      expect(await chain.receipts(block, [hash])).to.have.length(1);
      expect(methods()).to.deep.equal(expected);
    }
  });
});
