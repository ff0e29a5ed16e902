/** Something that waits for room. `weight`: how much of its tenant's share it gets, against the tenant's others. */
export type Flow = { tenant: string; job: number; weight: number };

/**
 * Shares out room by start-time fair queueing: each tenant has a clock that what it is given moves on, and so has each
 * job among those of its tenant, slower the more it weighs. Whoever's clock is behind is next; whoever comes back after
 * having wanted nothing begins where the others are, and can save up no share.
 */
export type Clocks = { tenants: Clock<string>; jobs: Map<string, Clock<number>> };

type Clock<K> = { at: Map<K, number>; now: number };

export function newClocks(): Clocks {
  return { tenants: { at: new Map(), now: 0 }, jobs: new Map() };
}

/** Who is next. @param flows that want something, at least one */
export function nextFlow<F extends Flow>(clocks: Clocks, flows: readonly F[]): F {
  const tenant = behind(
    clocks.tenants,
    flows.map((flow) => flow.tenant),
  );
  const own = flows.filter((flow) => flow.tenant === tenant);
  const job = behind(
    jobsOf(clocks, tenant),
    own.map((flow) => flow.job),
  );
  return own.find((flow) => flow.job === job)!;
}

/** Moves the clocks on for what a flow was given, in whatever unit. */
export function charge(clocks: Clocks, { tenant, job, weight }: Flow, given: number): void {
  advance(clocks.tenants, tenant, given);
  advance(jobsOf(clocks, tenant), job, given / weight);
}

function jobsOf(clocks: Clocks, tenant: string): Clock<number> {
  const known = clocks.jobs.get(tenant) ?? { at: new Map(), now: 0 };
  clocks.jobs.set(tenant, known);
  return known;
}

function timeOf<K>(clock: Clock<K>, key: K): number {
  return Math.max(clock.at.get(key) ?? 0, clock.now);
}

function behind<K>(clock: Clock<K>, keys: readonly K[]): K {
  return keys.reduce((a, b) => (timeOf(clock, b) < timeOf(clock, a) ? b : a));
}

function advance<K>(clock: Clock<K>, key: K, by: number): void {
  const from = timeOf(clock, key);
  clock.at.set(key, from + by);
  clock.now = from;
}
