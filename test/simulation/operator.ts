import type { RunCache } from '../../src/application/commands/run-cache.ts';
import type { Outcome } from '../../src/application/commands/execute-command.ts';
import type { Command } from '../../src/domain/commands.ts';
import { isFinished } from '../../src/domain/lifecycle.ts';
import type { RunKey, RunStore } from '../../src/ports/run-store.ts';
import type { Violation } from '../support/invariants.ts';
import type { Client } from './client.ts';
import type { Random } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

const ROUND_MS = 500;

interface OperatorPorts {
  readonly store: RunStore;
  readonly runs: RunCache;
  readonly client: Client;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly violations: Violation[];
}

/** Gives every run what it waits for: resumes it, sends its signals, decides its unknown outcomes. */
export class Operator {
  readonly #ports: OperatorPorts;
  readonly #ended = new Set<string>();
  #sent = 0;

  constructor(ports: OperatorPorts) {
    this.#ports = ports;
  }

  /** Answers the runs that have not ended by the deadline (elapsed time). */
  async attend(deadlineMs: number): Promise<RunKey[]> {
    for (;;) {
      const open = await this.#round();
      if (open.length === 0 || this.#ports.time.elapsedMs > deadlineMs) return open;
      await this.#ports.time.sleep(ROUND_MS);
    }
  }

  async #round(): Promise<RunKey[]> {
    const { store, runs } = this.#ports;
    const { keys } = await store.scanRuns(1_000);
    const open: RunKey[] = [];
    for (const key of keys) {
      if (this.#ended.has(key.runId)) continue;
      const run = await runs.refresh(key);
      if (run === undefined) continue;
      if (isFinished(run.state.run.status)) {
        this.#ended.add(key.runId);
        continue;
      }
      open.push(key);
      if (run.state.run.status === 'paused') await this.#send(key, { type: 'ResumeWorkflow' });
      for (const { id, index } of run.plan.steps) {
        const record = run.state.steps.get(index);
        if (record.status === 'waiting' && record.signal !== undefined)
          await this.#send(key, {
            type: 'SignalWorkflow',
            name: record.signal,
            payload: { v: this.#sent },
          });
        if (record.status === 'unknown') await this.#decide(key, id, index);
      }
    }
    return open;
  }

  async #decide(key: RunKey, step: string, index: number): Promise<void> {
    const { runs, violations } = this.#ports;
    const answer = await this.#send(key, this.#decision(step));
    if (answer?.kind !== 'rejected') return;
    const run = await runs.refresh(key);
    if (run?.state.run.status !== 'running' || run.state.steps.get(index).status !== 'unknown')
      return; // an earlier client's late decision came first
    const message = `refused to resolve ${step}, which waits for it: ${answer.rejection.message}`;
    violations.push({ invariant: 'I10', runId: key.runId, message });
  }

  #decision(step: string): Command {
    return {
      type: 'ResolveStep',
      step,
      resolution: this.#ports.random.pick(['retry', 'completed', 'failed']),
      output: { v: this.#sent },
    };
  }

  async #send(key: RunKey, command: Command): Promise<Outcome | undefined> {
    this.#sent += 1;
    const request = { key, commandId: `operator:${this.#sent}`, command };
    return this.#ports.client.send(request, 30_000);
  }
}
