import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/domain/commands.ts';
import { Decision, type Ruling } from '../../src/domain/decision.ts';
import { requestApproval, resolveApproval } from '../../src/domain/decisions/approval.ts';
import { createCheckpoint } from '../../src/domain/decisions/checkpoint.ts';
import { cancelWorkflow } from '../../src/domain/decisions/control.ts';
import { answerTask, handOverTask } from '../../src/domain/decisions/handover.ts';
import { completeStep, failStep, returnStep } from '../../src/domain/decisions/step-report.ts';
import { fireTimer } from '../../src/domain/decisions/timer.ts';
import { evolve } from '../../src/domain/evolve.ts';
import { isFinished } from '../../src/domain/lifecycle.ts';
import {
  createRunState,
  readSnapshot,
  restoreState,
  writeSnapshot,
} from '../../src/domain/state.ts';
import { fire, start, type Scenario } from '../support/given.ts';
import { Play } from '../support/play.ts';
import { commandOf } from '../support/random-command.ts';
import { definitionArbitrary, movesArbitrary, type Move } from '../support/random-runs.ts';

const input = { n: 5, flag: false, list: [] };

function commandFor(play: Play, move: Move): Command {
  return commandOf(move, play.run, [...play.timers.keys()]);
}

describe('any definition under any sequence of commands', () => {
  it('never throws, keeps its counters, its line, its tasks and its timers, and ends exactly once', () => {
    fc.assert(
      fc.property(definitionArbitrary, movesArbitrary(40), (definition, moves) => {
        const play = new Play(definition);
        play.send(start(input));
        for (const move of moves) {
          play.run.elapse(7);
          play.send(commandFor(play, move));
        }
        play.finish();
        expect(isFinished(play.run.status)).toBe(true);
        expect(play.tasks.size).toBe(0);
        for (const timerId of play.timers.keys()) play.run.when(fire(timerId)).thenNothing();
      }),
      { numRuns: 500 },
    );
  });

  it('folds its history, and restores its snapshots, to the same state at every point', () => {
    fc.assert(
      fc.property(definitionArbitrary, movesArbitrary(25), (definition, moves) => {
        const play = new Play(definition);
        const { run } = play;
        const folded = createRunState(run.plan);
        let copy = createRunState(run.plan);
        let seen = 0;
        for (const command of [start(input), ...moves]) {
          play.send('type' in command ? command : commandFor(play, command));
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
      }),
      { numRuns: 200 },
    );
  });
});

/** The part of `decide` that is open to a look at its draft; `undefined` for the other commands. */
function decideOn(decision: Decision, command: Command): Ruling | undefined {
  switch (command.type) {
    case 'CompleteStep':
      return completeStep(decision, command);
    case 'FailStep':
      return failStep(decision, command);
    case 'ReturnStep':
      return returnStep(decision, command);
    case 'FireTimer':
      return fireTimer(decision, command);
    case 'RequestApproval':
      return requestApproval(decision, command);
    case 'ResolveApproval':
      return resolveApproval(decision, command);
    case 'HandOverTask':
      return handOverTask(decision, command);
    case 'AnswerTask':
      return answerTask(decision, command);
    case 'CreateCheckpoint':
      return createCheckpoint(decision, command);
    case 'CancelWorkflow':
      return cancelWorkflow(decision, command);
    default:
      return undefined;
  }
}

/** The state that deciding leaves in its draft, step by step, as a snapshot would have it. */
function draftAfter(run: Scenario, command: Command): string | undefined {
  const { plan, state, nowMs, env, runBytes } = run;
  const context = { nowMs, env, runBytes, random: () => run.random };
  const decision = new Decision(plan, state, context);
  const ruling = decideOn(decision, command);
  if (ruling?.kind !== 'accepted') return undefined;
  const steps = { get: (index: number) => decision.step(index), set: () => undefined };
  return writeSnapshot(plan, { run: decision.run, steps });
}

describe('the draft of a decision', () => {
  it('is the state that its events fold to', () => {
    let compared = 0;
    fc.assert(
      fc.property(definitionArbitrary, movesArbitrary(25), (definition, moves) => {
        const play = new Play(definition);
        play.send(start(input));
        for (const move of moves) {
          if (isFinished(play.run.status)) return;
          const command = commandFor(play, move);
          const drafted = draftAfter(play.run, command);
          play.run.when(command);
          if (drafted === undefined) continue;
          compared += 1;
          expect(writeSnapshot(play.run.plan, play.run.state)).toBe(drafted);
        }
      }),
      { numRuns: 200 },
    );
    expect(compared).toBeGreaterThan(200);
  });
});
