import { createMemoryStore } from '../../src/adapters/memory/memory-store.ts';
import { MemoryDatabase } from '../../src/adapters/memory/memory-database.ts';
import { createRunCache } from '../../src/application/commands/run-cache.ts';
import { parseDefinition } from '../../src/domain/definition.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { RunKey } from '../../src/ports/run-store.ts';
import type { Store } from '../../src/ports/store.ts';
import {
  checkInvariants,
  EarlierReads,
  readTexts,
  type RunFacts,
  type Violation,
} from '../support/invariants.ts';
import { checkRun } from '../support/run-checks.ts';
import { readFacts } from '../support/run-facts.ts';
import { createSeededIds } from '../support/seeded-ids.ts';
import { Chaos } from './chaos.ts';
import { Client } from './client.ts';
import { FaultPlan } from './fault-plan.ts';
import type { Cast } from './generate-people.ts';
import { BINARIES, drawWorkflow, type WorkflowModel } from './generate-workflow.ts';
import { LeaseWitness } from './lease-witness.ts';
import { deadlineMs, slowRecoveries } from './liveness.ts';
import { createOutsiders, type Outsiders } from './outsiders.ts';
import { Operator } from './operator.ts';
import type { Sink } from './played-handler.ts';
import { createRandom, type Random } from './random.ts';
import { checkAgainstModel } from './reference-model.ts';
import { RunDriver, type PlannedRun } from './run-driver.ts';
import { type ProcessPorts, SimulatedProcess } from './simulated-process.ts';
import { resultOf, type SimulationResult } from './simulation-result.ts';
import { VirtualTime } from './virtual-time.ts';

const TENANT = 'default';

/**
 * Plays one seed: random workflows and clients on processes that die and a network that lies, then a time without
 * faults in which every run must end. Deterministic: the same seed plays the same.
 */
export async function simulate(seed: number, cast: Cast = 'workers'): Promise<SimulationResult> {
  const world = new World(seed, cast);
  try {
    return await world.time.runUntil(world.play());
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return world.result([{ invariant: 'defect', runId: '', message }], []);
  }
}

class World {
  readonly time: VirtualTime;
  readonly #seed: number;
  readonly #cast: Cast;
  readonly #random: Random;
  readonly #store: Store;
  readonly #faults: FaultPlan;
  readonly #sink: Sink = { entries: [] };
  readonly #witness = new LeaseWitness();
  readonly #defects: string[] = [];
  readonly #trace: string[] = [];
  readonly #earlierReads = new EarlierReads();
  readonly #earlyViolations: Violation[] = [];
  readonly #plans = new Map<string, Plan>();
  readonly #workflows = new Map<string, WorkflowModel>();
  readonly #slots: Slot[] = [];
  readonly #ports: ProcessPorts;
  readonly #client: Client;
  #outsiders: Outsiders | undefined;

  constructor(seed: number, cast: Cast) {
    this.#seed = seed;
    this.#cast = cast;
    const random = createRandom(seed);
    this.#random = random;
    this.time = new VirtualTime(random.fork());
    this.#faults = new FaultPlan(random.fork());
    const ids = createSeededIds(random.seed());
    const database = new MemoryDatabase(ids);
    this.#store = createMemoryStore({ database, clock: this.time, ids });
    this.#client = new Client({
      time: this.time,
      random: random.fork(),
      processes: () => this.#slots.map((slot) => slot.process),
      defects: this.#defects,
    });
    this.#ports = {
      database,
      time: this.time,
      faults: this.#faults,
      sink: this.#sink,
      witness: this.#witness,
      defects: this.#defects,
      trace: (line) => void this.#trace.push(`${this.time.elapsedMs} ${line}`),
      scriptOf: (workflow, step) => this.#scriptOf(workflow, step),
      plansOf: (catalog) => ({
        get: async (tenant, hash) => {
          const registered = await catalog.findByHash(tenant, hash);
          if (registered === undefined) throw new Error(`definition ${hash} is gone`);
          return this.#planOf(registered.document);
        },
      }),
    };
  }

  async play(): Promise<SimulationResult> {
    const runs = await this.#prepare();
    const chaos = new Chaos({
      time: this.time,
      random: this.#random.fork(),
      faults: this.#faults,
      slots: this.#slots,
    });
    const drivers = runs.map(
      (run) => new RunDriver(run, this.#client, this.time, this.#random.fork()),
    );
    if (this.#cast === 'agents') this.#outsiders = this.#invite(runs);
    const reading = this.#readNowAndThen(chaos.lengthMs);
    await Promise.all([chaos.run(), ...drivers.map((driver) => driver.run(chaos.lengthMs))]);
    await reading;
    return this.#settle(runs);
  }

  #invite(runs: readonly PlannedRun[]): Outsiders {
    return createOutsiders({
      tenant: TENANT,
      time: this.time,
      random: this.#random.fork(),
      store: this.#store,
      processes: () => this.#slots.map((slot) => slot.process),
      defects: this.#defects,
      violations: this.#earlyViolations,
      leases: this.#witness,
      isHealed: () => this.#faults.healed.aborted,
      workflows: this.#workflows,
      runIds: runs.map(({ key }) => key.runId),
    });
  }

  async #prepare(): Promise<PlannedRun[]> {
    const random = this.#random;
    for (let at = 1; at <= random.int(1, 2); at += 1) {
      const workflow = drawWorkflow(random.fork(), `w${at}`, this.#cast);
      this.#workflows.set(workflow.name, workflow);
    }
    const runs: PlannedRun[] = [];
    for (const workflow of this.#workflows.values())
      for (let at = 1; at <= random.int(1, 2); at += 1)
        runs.push(await this.#planRun(workflow, `${workflow.name}r${at}`));
    const count = random.int(1, 3);
    for (let at = 0; at < count; at += 1) this.#slots.push(this.#createSlot(at));
    return runs;
  }

  async #planRun(workflow: WorkflowModel, runId: string): Promise<PlannedRun> {
    const parsed = parseDefinition(workflow.definition);
    if (!parsed.ok) throw new Error(`drew a bad definition: ${JSON.stringify(parsed.errors)}`);
    this.#plans.set(parsed.document, parsed.plan);
    const { hash, document, plan } = parsed;
    const { definition } = await this.#store.register({
      tenant: TENANT,
      name: workflow.name,
      hash,
      document,
    });
    const n = this.#random.int(0, 3);
    return { key: { tenant: TENANT, runId }, workflow, plan, version: definition.version, n };
  }

  #createSlot(at: number): Slot {
    const random = this.#random.fork();
    const concurrency = random.pick([1, 2, 32, 32]);
    let incarnation = 0;
    const boot = (binaries: readonly string[]): SimulatedProcess => {
      incarnation += 1;
      const name = `p${at}x${incarnation}`;
      const seed = random.seed();
      const process = new SimulatedProcess(this.#ports, { name, seed, binaries, concurrency });
      process.start();
      return process;
    };
    const slot: Slot = {
      concurrency,
      process: boot(random.chance(0.7) ? BINARIES : random.sample(BINARIES, 0.5)),
      reboot: (binaries) => {
        slot.process = boot(binaries);
      },
    };
    return slot;
  }

  /** Faults stop, decisions are made, everything must come to its end. */
  async #settle(runs: readonly PlannedRun[]): Promise<SimulationResult> {
    this.#faults.heal();
    for (const slot of this.#slots) this.#repair(slot);
    const healedAtMs = this.time.now();
    this.#outsiders?.heal();
    await this.#client.resolveOpenRequests();
    const plans = this.#ports.plansOf(this.#store);
    const operator = new Operator({
      store: this.#store,
      runs: createRunCache(this.#store, plans),
      client: this.#client,
      time: this.time,
      random: this.#random.fork(),
      violations: this.#earlyViolations,
    });
    const open = await operator.attend(this.time.elapsedMs + deadlineMs(runs));
    await this.#client.resolveOpenRequests();
    await this.#outsiders?.leave();
    const facts: RunFacts[] = [];
    const violations = await this.#check(runs, facts);
    const hasRoom = this.#slots.every(({ concurrency }) => concurrency > 2);
    if (hasRoom && open.length === 0) violations.push(...slowRecoveries(facts, runs, healedAtMs));
    for (const { texts } of facts) this.#trace.push(...texts);
    return this.result(violations, facts);
  }

  /** Whoever survived the faults goes on, with all that it believes; but everything must find its worker. */
  #repair(slot: Slot): void {
    const { isDead, isStopping, binaries } = slot.process;
    const isWhole = !isDead && !isStopping && binaries.length === BINARIES.length;
    if (isWhole && this.#random.chance(0.7)) return;
    // One that is stopping ends by itself, while its successor already works.
    if (!isStopping) slot.process.crash();
    slot.reboot(BINARIES);
  }

  async #check(runs: readonly PlannedRun[], seen: RunFacts[]): Promise<Violation[]> {
    const violations = await checkInvariants({
      store: this.#store,
      clientLog: this.#client.log,
      sinkLog: this.#sink.entries,
      earlierReads: this.#earlierReads,
      isSettled: true,
      planOf: (document) => this.#planOf(document),
      inspect: (facts) => {
        seen.push(facts);
        const run = runs.find(({ key }) => key.runId === facts.key.runId);
        if (run === undefined) throw new Error(`nobody started run ${facts.key.runId}`);
        return checkAgainstModel(run.workflow, facts, run.n, this.#sink.entries);
      },
    });
    violations.push(...((await this.#outsiders?.check(seen)) ?? []));
    const defects = this.#defects.map((message): Violation => ({
      invariant: 'defect',
      runId: '',
      message,
    }));
    return [...this.#earlyViolations, ...violations, ...this.#witness.violations, ...defects];
  }

  result(violations: readonly Violation[], facts: readonly RunFacts[]): SimulationResult {
    return resultOf(
      { seed: this.#seed, cast: this.#cast, violations, trace: this.#trace },
      { facts, effects: this.#sink.entries.length, virtualMs: this.time.elapsedMs },
    );
  }

  async #readNowAndThen(forMs: number): Promise<void> {
    while (this.time.elapsedMs < forMs) {
      await this.time.sleep(7_000);
      const { keys } = await this.#store.scanRuns(1_000);
      for (const key of keys) {
        const texts = await readTexts(this.#store, key);
        this.#earlyViolations.push(...this.#earlierReads.compare(key, texts));
        if (this.#cast === 'agents') await this.#checkUnderWay(key);
      }
    }
  }

  /** What a run says of itself holds in the middle of it too: who waits for people stands in their inbox. */
  async #checkUnderWay(key: RunKey): Promise<void> {
    const facts = await readFacts(this.#store, key, (document) => this.#planOf(document));
    this.#earlyViolations.push(...checkRun(facts, { isSettled: false }));
  }

  #planOf(document: string): Plan {
    const plan = this.#plans.get(document);
    if (plan === undefined) throw new Error('the store answers a definition nobody registered');
    return plan;
  }

  #scriptOf(workflow: string, step: string): ReturnType<ProcessPorts['scriptOf']> {
    const found = this.#workflows.get(workflow)?.steps.find(({ id }) => id === step);
    if (found?.work.kind !== 'shell') throw new Error(`${workflow} has no shell step ${step}`);
    return found.work.script;
  }
}

/** A place for a process; processes there come and go. */
export interface Slot {
  readonly concurrency: number;
  process: SimulatedProcess;
  reboot(binaries: readonly string[]): void;
}
