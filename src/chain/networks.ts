import { WaybillError } from "../errors.js";

/** What is known of a chain before its node is asked. */
export type Network = {
  name: string;
  chainId: bigint;
  /** real money: writes ask first */
  main: boolean;
  /** between two looks at the head */
  pollMs: number;
  /** blocks after which a block counts as final where the chain has no finality tags */
  finalDepth: number;
};

const ethereum = { pollMs: 3_000, finalDepth: 64 };
const rollup = { pollMs: 1_000, finalDepth: 1_800 };

export const NETWORKS: readonly Network[] = [
  { name: "local", chainId: 31337n, main: false, pollMs: 50, finalDepth: 0 },
  { name: "mainnet", chainId: 1n, main: true, ...ethereum },
  { name: "sepolia", chainId: 11155111n, main: false, ...ethereum },
  { name: "holesky", chainId: 17000n, main: false, ...ethereum },
  { name: "optimism", chainId: 10n, main: true, ...rollup },
  { name: "optimism-sepolia", chainId: 11155420n, main: false, ...rollup },
  { name: "base", chainId: 8453n, main: true, ...rollup },
  { name: "base-sepolia", chainId: 84532n, main: false, ...rollup },
  { name: "arbitrum", chainId: 42161n, main: true, ...rollup },
  { name: "arbitrum-sepolia", chainId: 421614n, main: false, ...rollup },
  { name: "linea", chainId: 59144n, main: true, ...rollup },
  { name: "polygon", chainId: 137n, main: true, pollMs: 2_000, finalDepth: 256 },
];

/**
 * @param name of the list, or a decimal chain id; an unknown id is treated as a main network
 * @throws WaybillError E_NETWORK
 */
export function networkOf(name: string): Network {
  const known = NETWORKS.find((network) => network.name === name || network.chainId.toString() === name);
  if (known !== undefined) return known;
  if (/^[1-9][0-9]{0,18}$/.test(name)) return { name, chainId: BigInt(name), main: true, ...ethereum };
  throw new WaybillError("E_NETWORK", `there is no network called ${JSON.stringify(name)}`, {
    mend: `use one of ${NETWORKS.map((network) => network.name).join(", ")}, or a chain id`,
  });
}
