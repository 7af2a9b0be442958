import { LOCAL_CALLER } from '../../../src/application/access/access.ts';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { composeBaton, type Baton } from '../../../src/composition.ts';
import { loadConfig } from '../../../src/config.ts';
import type { CallContext } from '../../../src/application/use-case.ts';
import { serveRequests } from './asked-process.ts';
import { inFlight, median, timed } from '../measure.ts';

/**
 * One server of Baton as it is composed for production, with the agents' calls made inside it: their cost is counted to
 * the server, so what is told is too high rather than too low.
 */
export type AgentsRequest =
  | {
      readonly do: 'open';
      readonly folder: string;
      readonly storeUrl: string;
      readonly agents: number;
      readonly workflows: number;
    }
  | {
      readonly do: 'beat';
      /** Each agent makes one call in this time. */
      readonly periodMs: number;
      /** Agents without a task wait in `claim_task`, 20 s a call, instead of calling now and then. */
      readonly idleAgentsWait: boolean;
      readonly settleMs: number;
      readonly windowMs: number;
    }
  | { readonly do: 'questions' };

export interface BeatFigures {
  readonly callsPerSecond: number;
  /** Calls that the server refused, e.g. because the store was away. */
  readonly refused: number;
  readonly cores: number;
  readonly residentBytes: number;
}

/** One call, the median, beside all the agents. */
export interface CallFigures {
  readonly wallMs: number;
  readonly cpuMs: number;
}

export interface QuestionFigures {
  readonly health: CallFigures;
  /** A start of a workflow whose first step waits for an agent: the answer says whether one is there. */
  readonly start: CallFigures;
}

const CAPABILITIES = 10;
const TICK_MS = 20;
const WAIT_SECONDS = 20;
const AT_ONCE = 64;
const QUESTIONS = 21;

const context: CallContext = { ...LOCAL_CALLER, actor: 'client:bench', causationId: 'bench' };

class AgentsProcess {
  #baton: Baton | undefined;
  #agents = 0;
  readonly #tasks: string[] = [];
  #calls = 0;
  #refused = 0;

  async answer(request: AgentsRequest): Promise<unknown> {
    switch (request.do) {
      case 'open':
        return this.#start(request);
      case 'beat':
        return this.#beat(request);
      case 'questions':
        return this.#questions();
    }
  }

  async close(): Promise<void> {
    await this.#baton?.close();
  }

  #open(): Baton {
    if (this.#baton === undefined) throw new Error('nothing was opened');
    return this.#baton;
  }

  async #start({
    folder,
    storeUrl,
    agents,
    workflows,
  }: Extract<AgentsRequest, { do: 'open' }>): Promise<void> {
    const environment = { HOME: folder, BATON_STORE: storeUrl, BATON_LOG_FILE: `${folder}/log` };
    const loaded = await loadConfig({ cwd: folder, home: folder, environment });
    const baton = await composeBaton(loaded, { engine: 'timers' });
    this.#baton = baton;
    this.#agents = agents;
    baton.engine?.start();
    const step = {
      id: 'work',
      uses: 'agent',
      with: { capability: 'held', instructions: 'Do it.' },
    };
    const definition = JSON.stringify({ name: 'agent-work', steps: [step] });
    taken(await baton.application.registerWorkflow(context, { definition }));
    await inFlight(workflows, AT_ONCE, async () =>
      taken(await baton.application.startWorkflow(context, { workflow: 'agent-work' })),
    );
    await inFlight(workflows, AT_ONCE, async (index) => {
      const call = { agent_id: `agent-${index}`, capabilities: ['held'], wait_seconds: 0 };
      const { task } = taken(await baton.application.claimTask(context, call));
      if (task === undefined) throw new Error(`agent-${index} was given no task`);
      this.#tasks.push(task.task);
    });
    await inFlight(agents - workflows, AT_ONCE, (index) => this.#register(workflows + index));
  }

  async #register(index: number): Promise<void> {
    const capabilities = [`work-${index % CAPABILITIES}`];
    const call = { agent_id: `agent-${index}`, capabilities };
    taken(await this.#open().application.registerAgent(context, call));
  }

  /** Those who hold a task report a heartbeat, the others say that they are there. */
  async #call(index: number): Promise<void> {
    const task = this.#tasks[index];
    const { application } = this.#open();
    this.#count(
      task === undefined
        ? await application.registerAgent(context, { agent_id: `agent-${index}` })
        : await application.reportTask(context, { task, action: 'heartbeat' }),
    );
  }

  #count({ ok }: { readonly ok: boolean }): void {
    this.#calls += 1;
    if (!ok) this.#refused += 1;
  }

  async #beat(request: Extract<AgentsRequest, { do: 'beat' }>): Promise<BeatFigures> {
    const stop = new AbortController();
    const beating = this.#beatUntil(request, stop.signal);
    const waiting = request.idleAgentsWait ? this.#waitUntil(stop.signal) : Promise.resolve();
    await pause(request.settleMs);
    const before = { ...process.cpuUsage(), atMs: performance.now(), calls: this.#calls };
    const refusedBefore = this.#refused;
    let residentBytes = 0;
    for (let sample = 0; sample < 10; sample += 1) {
      await pause(request.windowMs / 10);
      residentBytes = Math.max(residentBytes, process.memoryUsage.rss());
    }
    const { user, system } = process.cpuUsage(before);
    const elapsedMs = performance.now() - before.atMs;
    const figures = {
      callsPerSecond: (this.#calls - before.calls) / (elapsedMs / 1_000),
      refused: this.#refused - refusedBefore,
      cores: (user + system) / 1_000 / elapsedMs,
      residentBytes,
    };
    stop.abort();
    await Promise.all([beating, waiting]);
    return figures;
  }

  /** Spread evenly over the period, as agents that know nothing of each other are. */
  async #beatUntil(
    { periodMs, idleAgentsWait }: Extract<AgentsRequest, { do: 'beat' }>,
    stop: AbortSignal,
  ): Promise<void> {
    const callers = idleAgentsWait ? this.#tasks.length : this.#agents;
    const perMs = callers / periodMs;
    const startedAtMs = performance.now();
    const open = new Set<Promise<void>>();
    for (let made = 0; !stop.aborted;) {
      const due = (performance.now() - startedAtMs) * perMs;
      for (; made < due; made += 1) {
        const call = this.#call(made % callers).finally(() => open.delete(call));
        open.add(call);
      }
      await pause(TICK_MS);
    }
    await Promise.all(open);
  }

  async #waitUntil(stop: AbortSignal): Promise<void> {
    const { application } = this.#open();
    const lane = async (index: number): Promise<void> => {
      // So that the calls do not come together.
      await pause(((index % 997) / 997) * WAIT_SECONDS * 1_000, undefined, { signal: stop });
      const agent = { agent_id: `agent-${index}`, wait_seconds: WAIT_SECONDS };
      while (!stop.aborted) {
        this.#count(await application.claimTask({ ...context, signal: stop }, agent));
      }
    };
    const lanes = Array.from({ length: this.#agents - this.#tasks.length }, (_, index) =>
      lane(index + this.#tasks.length).catch((error: unknown) => {
        if (!stop.aborted) throw error;
      }),
    );
    await Promise.all(lanes);
  }

  async #questions(): Promise<QuestionFigures> {
    const { application } = this.#open();
    return {
      health: await callFigures(async () => taken(await application.getHealth(context, {}))),
      start: await callFigures(async () =>
        taken(await application.startWorkflow(context, { workflow: 'agent-work' })),
      ),
    };
  }
}

async function callFigures(call: () => Promise<unknown>): Promise<CallFigures> {
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let time = 0; time < QUESTIONS; time += 1) times.push(await timed(call));
  const { user, system } = process.cpuUsage(before);
  return { wallMs: median(times), cpuMs: (user + system) / 1_000 / QUESTIONS };
}

function taken<Value>(
  result: { readonly ok: true; readonly value: Value } | { readonly ok: false; error: object },
): Value {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

serveRequests<AgentsRequest>(new AgentsProcess());
