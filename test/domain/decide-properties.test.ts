import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/domain/commands.ts';
import { effectsOf } from '../../src/domain/effects.ts';
import { evolve } from '../../src/domain/evolve.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { isFinished } from '../../src/domain/lifecycle.ts';
import {
  createRunState,
  isTerminal,
  readSnapshot,
  restoreState,
  writeSnapshot,
} from '../../src/domain/state.ts';
import { definitionArbitrary, moveArbitrary, type Move } from '../support/random-runs.ts';
import {
  begin,
  cancel,
  complete,
  fail,
  fire,
  giveBack,
  pause,
  planOf,
  reportCancelled,
  reportUnknown,
  resume,
  Scenario,
  signal,
  start,
} from '../support/given.ts';

/** A run with the store's side of it: the tasks and timers that its commits asked for. */
class Play {
  readonly run: Scenario;
  readonly tasks = new Map<string, number>();
  readonly timers = new Set<string>();

  constructor(definition: JsonObject) {
    this.run = new Scenario(planOf(definition));
  }

  send(command: Command): void {
    const { ruling } = this.run.when(command);
    if (ruling.kind === 'rejected') return;
    if (command.type === 'FireTimer') this.timers.delete(command.timerId);
    if (isReport(command) && this.tasks.get(command.step) === command.attempt)
      this.tasks.delete(command.step);
    const effects = effectsOf(this.run.plan, ruling.events, () => []);
    for (const { slot, attempt } of effects.enqueue) this.tasks.set(slot, attempt);
    for (const { timerId } of effects.timers) this.timers.add(timerId);
    for (const timerId of effects.cancelTimers) this.timers.delete(timerId);
    if (ruling.events.length > 0) this.check();
  }

  commandFor({ what, step: at, offset, output, resolution }: Move): Command {
    const { plan, state } = this.run;
    const index = at % plan.steps.length;
    const step = plan.steps[index]?.id ?? '';
    const attempt = state.steps.get(index).attempt + offset;
    switch (what) {
      case 'complete':
        return complete(step, output, attempt);
      case 'fail':
        return fail(step, {}, { attempt });
      case 'permanent':
        return fail(step, { permanent: true }, { attempt });
      case 'giveBack':
        return giveBack(step, attempt);
      case 'unknown':
        return reportUnknown(step, attempt);
      case 'begin':
        return begin(step, attempt);
      case 'timer':
        return fire([...this.timers][at % Math.max(1, this.timers.size)] ?? 'retry:none#1');
      case 'staleTimer':
        return fire(`${offset === 0 ? 'wait' : 'retry'}:${step}#${attempt - 1}`);
      case 'signal':
        return signal(at % 2 === 0 ? 'x' : 'y', output);
      case 'reportCancelled':
        return this.run.status === 'cancelling' ? reportCancelled(step, attempt) : resume;
      case 'resolve':
        return { type: 'ResolveStep', step, resolution, output };
      case 'restart':
        return start();
      default:
        return { pause, resume, cancel }[what];
    }
  }

  /** What must hold after every decision. */
  check(): void {
    const { plan, state, history } = this.run;
    const records = plan.steps.map(({ index, id, needs }) => ({
      id,
      needs,
      index,
      ...state.steps.get(index),
    }));
    const having = (...statuses: string[]) =>
      records.filter(({ status }) => statuses.includes(status));
    expect(state.run.version).toBe(history.length);
    expect(state.run.openSteps).toBe(records.filter(({ status }) => !isTerminal(status)).length);
    expect(state.run.stepsInFlight).toBe(having('scheduled').length);
    expect(state.run.completedSteps).toBe(having('completed').length);
    expect(state.run.failedSteps).toBe(having('failed').length);
    const terminal = history.filter(({ event }) =>
      ['WorkflowCompleted', 'WorkflowFailed', 'WorkflowCancelled'].includes(event.type),
    );
    expect(terminal).toHaveLength(isFinished(state.run.status) ? 1 : 0);
    if (terminal.length > 0) expect(history.at(-1)).toBe(terminal[0]);
    const timers = records.flatMap(({ id, status, attempt, dueAtMs }) => {
      if (status === 'retrying') return [`retry:${id}#${attempt}`];
      return status === 'waiting' && dueAtMs !== undefined ? [`wait:${id}#${attempt}`] : [];
    });
    expect([...this.timers].sort()).toEqual(timers.sort());
    expect([...this.tasks].sort()).toEqual(
      having('scheduled')
        .map(({ id, attempt }) => [id, attempt])
        .sort(),
    );
    if (isFinished(state.run.status)) return;
    for (const { needs, openNeeds, status } of records) {
      const open = needs.filter((need) => !isTerminal(state.steps.get(need).status)).length;
      expect(openNeeds).toBe(open);
      expect(status === 'pending').toBe(open > 0);
    }
    expect(this.line().sort()).toEqual(
      having('ready')
        .map(({ index }) => index)
        .sort(),
    );
  }

  /** The line of ready steps from head to tail. */
  line(): number[] {
    const { run, steps } = this.run.state;
    const found: number[] = [];
    for (const { head, tail } of [run.ready.engine, run.ready.worker]) {
      let last: number | undefined;
      for (let at = head; at !== undefined; at = steps.get(at).nextReady) found.push((last = at));
      expect(tail).toBe(last);
    }
    return found;
  }

  /** Everything that a run may wait for arrives, until it ends. */
  finish(): void {
    this.send(resume);
    for (let round = 0; round < 200 && !isFinished(this.run.status); round += 1) {
      for (const [step, attempt] of [...this.tasks]) this.send(complete(step, 1, attempt));
      for (const timerId of [...this.timers]) this.send(fire(timerId));
      for (const { id } of this.run.plan.steps)
        if (this.run.step(id).status === 'unknown')
          this.send({ type: 'ResolveStep', step: id, resolution: 'failed' });
      this.send(signal('x', 1));
      this.send(signal('y', 1));
    }
  }
}

function isReport(command: Command): command is Extract<Command, { attempt: number }> {
  return 'attempt' in command && command.type !== 'StartStep';
}

const input = { n: 5, flag: false, list: [] };

describe('any definition under any sequence of commands', () => {
  it('never throws, keeps its counters, its line, its tasks and its timers, and ends exactly once', () => {
    fc.assert(
      fc.property(
        definitionArbitrary,
        fc.array(moveArbitrary, { maxLength: 40 }),
        (definition, moves) => {
          const play = new Play(definition);
          play.send(start(input));
          for (const move of moves) {
            play.run.elapse(7);
            play.send(play.commandFor(move));
          }
          play.finish();
          expect(isFinished(play.run.status)).toBe(true);
          expect(play.tasks.size + play.timers.size).toBe(0);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('folds its history, and restores its snapshots, to the same state at every point', () => {
    fc.assert(
      fc.property(
        definitionArbitrary,
        fc.array(moveArbitrary, { maxLength: 25 }),
        (definition, moves) => {
          const play = new Play(definition);
          const { run } = play;
          const folded = createRunState(run.plan);
          let copy = createRunState(run.plan);
          let seen = 0;
          for (const command of [start(input), ...moves]) {
            play.send('type' in command ? command : play.commandFor(command));
            for (const { event, atMs } of run.history.slice(seen)) {
              evolve(run.plan, folded, event, atMs);
              evolve(run.plan, copy, event, atMs);
            }
            seen = run.history.length;
            const text = writeSnapshot(run.plan, run.state);
            expect(writeSnapshot(run.plan, folded)).toBe(text);
            expect(JSON.parse(writeSnapshot(run.plan, copy))).toEqual(JSON.parse(text));
            const snapshot = readSnapshot(text);
            if (snapshot === undefined) throw new Error('the snapshot could not be read');
            copy = restoreState(run.plan, snapshot);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
