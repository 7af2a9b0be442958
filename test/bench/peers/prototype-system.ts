import { randomBytes } from 'node:crypto';
import { PrototypeStore } from './prototype-store.ts';
import { PAYLOAD, type ProcessSpec, type System, type SystemEvents } from './system.ts';

/** Claims runs, performs their steps inline and commits each. */
export async function openPrototype(spec: ProcessSpec, events: SystemEvents): Promise<System> {
  const store = await PrototypeStore.open(spec.socket);
  const steps = spec.workload === 'three-steps' ? 3 : 1;
  const worker = spec.role === 'starter' ? undefined : new Worker(store, spec, steps, events);
  const working = worker?.run();
  return {
    start: async () => {
      const runId = randomBytes(16).toString('hex');
      const events = startEvents(runId);
      await commit(store, { runId, expectedVersion: 0, commandId: 'start', events, enqueue: true });
    },
    close: async () => {
      worker?.stop();
      await working;
      store.close();
    },
  };
}

/** What Baton writes in the same commits, field by field: the ceiling stores the same history. */
const EVENTS_PER_COMMIT = 2;

function startEvents(runId: string): string[] {
  const definition = { name: 'chain-3', definitionHash: 'f'.repeat(64), definitionVersion: 1 };
  const input = { payload: PAYLOAD };
  const started = { type: 'WorkflowStarted', runId, ...definition, input, workspace: '/' };
  return [event(1, 'start', 'bench', started), event(2, 'start', 'bench', scheduled(0))];
}

function stepEvents(step: number, isLast: boolean, worker: string): string[] {
  const commandId = `report:s${step - 1}#1`;
  const result = { output: PAYLOAD, worker, startedAtMs: Date.now() };
  const completed = { type: 'StepCompleted', step: `s${step - 1}`, attempt: 1, ...result };
  const next = isLast ? { type: 'WorkflowCompleted', output: null } : scheduled(step);
  const sequence = step * EVENTS_PER_COMMIT + 1;
  return [
    event(sequence, commandId, `worker:${worker}`, completed),
    event(sequence + 1, commandId, `worker:${worker}`, next),
  ];
}

function scheduled(step: number): object {
  const input = { command: ['noop', PAYLOAD] };
  return { type: 'StepsScheduled', steps: [{ step: `s${step}`, attempt: 1, input }] };
}

function event(sequence: number, commandId: string, actor: string, body: object): string {
  const at = { schemaVersion: 1, sequence, occurredAtMs: Date.now() };
  return JSON.stringify({ ...at, commandId, causationId: 'bench', actor, body });
}

async function commit(
  store: PrototypeStore,
  request: Parameters<PrototypeStore['commit']>[0],
): Promise<void> {
  const answer = await store.commit(request);
  if (answer !== 'committed') throw new Error(`prototype: ${answer}`);
}

class Worker {
  readonly #store: PrototypeStore;
  readonly #spec: ProcessSpec;
  readonly #steps: number;
  readonly #events: SystemEvents;
  readonly #owner = randomBytes(8).toString('hex');
  #busy = 0;
  #isStopped = false;
  #freed: (() => void) | undefined;

  constructor(store: PrototypeStore, spec: ProcessSpec, steps: number, events: SystemEvents) {
    this.#store = store;
    this.#spec = spec;
    this.#steps = steps;
    this.#events = events;
  }

  async run(): Promise<void> {
    while (!this.#isStopped) {
      const free = this.#spec.slots - this.#busy;
      if (free === 0) await new Promise<void>((resolve) => (this.#freed = resolve));
      else
        for (const { entry, runId } of await this.#store.claim(this.#owner, free))
          void this.#occupy(runId, entry);
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#freed?.();
  }

  async #occupy(runId: string, entry: string): Promise<void> {
    this.#busy += 1;
    await this.#perform(runId, entry);
    this.#busy -= 1;
    this.#freed?.();
    this.#events.ended();
  }

  /** The next step follows in the same commit, by the same worker: nothing goes through the queue again. */
  async #perform(runId: string, entry: string): Promise<void> {
    for (let step = 1; step <= this.#steps; step += 1) {
      if (this.#spec.holds && step === 2) await this.#events.held();
      const isLast = step === this.#steps;
      await commit(this.#store, {
        ...{ runId, expectedVersion: step * EVENTS_PER_COMMIT, commandId: `report:s${step - 1}#1` },
        events: stepEvents(step, isLast, this.#owner),
        ...(isLast && { acknowledge: entry }),
      });
    }
  }
}
