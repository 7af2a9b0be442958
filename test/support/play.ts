import { expect } from 'vitest';
import type { Command } from '../../src/domain/commands.ts';
import { effectsOf } from '../../src/domain/effects.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { isFinished } from '../../src/domain/lifecycle.ts';
import { answerTask, approve, complete, fire, planOf, resume, Scenario, signal } from './given.ts';
import { checkPlay } from './play-checks.ts';

/** A run with the store's side of it: the tasks and timers that its commits asked for. */
export class Play {
  readonly run: Scenario;
  readonly tasks = new Map<string, number>();
  /** When each is due. */
  readonly timers = new Map<string, number>();
  /** The engine's command of a timer has the timer's id, and is taken once. */
  readonly #fired = new Set<string>();

  constructor(definition: JsonObject) {
    this.run = new Scenario(planOf(definition));
  }

  send(command: Command): void {
    this.#passTime(command);
    const { ruling } = this.run.when(command);
    if (ruling.kind === 'rejected') return;
    this.#acknowledge(command);
    const effects = effectsOf(this.run.plan, ruling.events, () => []);
    for (const { slot, attempt } of effects.enqueue) this.tasks.set(slot, attempt);
    for (const slot of effects.recall) this.tasks.delete(slot);
    for (const timerId of effects.cancelTimers) this.timers.delete(timerId);
    for (const { timerId, dueAtMs } of effects.timers) {
      expect(this.#fired).not.toContain(timerId);
      this.timers.set(timerId, dueAtMs);
    }
    if (ruling.events.length > 0) checkPlay(this);
  }

  /** Everything that a run may wait for arrives, until it ends. */
  finish(): void {
    this.send(resume);
    for (let round = 0; round < 200 && !isFinished(this.run.status); round += 1) {
      for (const [step, attempt] of [...this.tasks]) this.send(complete(step, 1, attempt));
      for (const timerId of this.timers.keys()) this.send(fire(timerId));
      for (const { id } of this.run.plan.steps) {
        if (this.run.step(id).status === 'unknown')
          this.send({ type: 'ResolveStep', step: id, resolution: 'failed' });
        this.send(approve(id));
        this.send(answerTask(id, { output: 1 }));
      }
      this.send(signal('x', 1));
      this.send(signal('y', 1));
    }
  }

  /** A store fires no timer early. */
  #passTime(command: Command): void {
    if (command.type !== 'FireTimer') return;
    const dueAtMs = this.timers.get(command.timerId) ?? 0;
    this.run.nowMs = Math.max(this.run.nowMs, dueAtMs);
  }

  /** What the store removes because a command answers it. */
  #acknowledge(command: Command): void {
    if (command.type === 'FireTimer' && this.timers.delete(command.timerId))
      this.#fired.add(command.timerId);
    if (isReport(command) && this.tasks.get(command.step) === command.attempt)
      this.tasks.delete(command.step);
  }
}

function isReport(command: Command): command is Extract<Command, { attempt: number }> {
  return 'attempt' in command && command.type !== 'StartStep';
}
