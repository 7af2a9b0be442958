import { expect } from 'vitest';
import { isFinished } from '../../src/domain/lifecycle.ts';
import { isTerminal, type StepState } from '../../src/domain/state.ts';
import type { Scenario } from './given.ts';
import type { Play } from './play.ts';

interface Seen extends StepState {
  readonly id: string;
  readonly index: number;
  readonly needs: readonly number[];
}

const TERMINAL = ['WorkflowCompleted', 'WorkflowFailed', 'WorkflowCancelled'];

/** What must hold after every decision. */
export function checkPlay(play: Play): void {
  const { run } = play;
  const { plan, state } = run;
  const records = plan.steps.map(({ index, id, needs }) => ({
    id,
    needs,
    index,
    ...state.steps.get(index),
  }));
  checkCounters(run, records);
  checkTimers(play, records);
  expect([...play.tasks].sort()).toEqual(
    having(records, 'scheduled')
      .map(({ id, attempt }) => [id, attempt])
      .sort(),
  );
  checkEnd(run);
  if (!isFinished(state.run.status)) checkLine(run, records);
}

function having(records: readonly Seen[], ...statuses: readonly string[]): Seen[] {
  return records.filter(({ status }) => statuses.includes(status));
}

function checkCounters({ state, history }: Scenario, records: readonly Seen[]): void {
  const { run } = state;
  expect(run.version).toBe(history.length);
  expect(run.openSteps).toBe(records.filter(({ status }) => !isTerminal(status)).length);
  expect(run.stepsInFlight).toBe(having(records, 'scheduled').length);
  expect(run.completedSteps).toBe(having(records, 'completed').length);
  expect(run.failedSteps).toBe(having(records, 'failed').length);
  const people = having(records, 'waiting').filter(
    ({ approval, handover }) => approval !== undefined || handover !== undefined,
  );
  const asked = run.asked.filter(({ answer }) => answer === undefined);
  expect(run.awaitedPeople).toBe(isFinished(run.status) ? 0 : people.length + asked.length);
  for (const { sequence, name } of run.checkpoints)
    expect(history[sequence - 1]?.event).toMatchObject({ type: 'CheckpointCreated', name });
}

function checkEnd({ status, history }: Scenario): void {
  const terminal = history.filter(({ event }) => TERMINAL.includes(event.type));
  expect(terminal).toHaveLength(isFinished(status) ? 1 : 0);
  if (terminal.length > 0) expect(history.at(-1)).toBe(terminal[0]);
}

/** Every timer that the state counts on is set; one beyond those has nothing left to end. */
function checkTimers({ run, timers }: Play, records: readonly Seen[]): void {
  const wanted = new Map(
    records.flatMap(({ id, status, attempt, dueAtMs, handover }) => {
      if (dueAtMs === undefined) return [];
      const task = `timeout:${id}#${attempt}`;
      if (status === 'retrying') return [[`retry:${id}#${attempt}`, dueAtMs] as const];
      if (status === 'scheduled') return [[task, dueAtMs] as const];
      if (status !== 'waiting') return [];
      return [[handover === undefined ? `wait:${id}#${attempt}` : task, dueAtMs] as const];
    }),
  );
  const { asked, status } = run.state.run;
  for (const { approvalId, dueAtMs, answer } of isFinished(status) ? [] : asked)
    if (dueAtMs !== undefined && answer === undefined)
      wanted.set(`approval:${approvalId}`, dueAtMs);
  for (const [timerId, dueAtMs] of wanted) expect(timers.get(timerId)).toBe(dueAtMs);
  for (const timerId of timers.keys()) {
    if (wanted.has(timerId)) continue;
    expect(timerId).toMatch(/^(timeout|approval):/);
    run.when({ type: 'FireTimer', timerId }).thenNothing();
  }
}

/** What waits in line is ready, once each, and what is not has needs that are open. */
function checkLine({ state }: Scenario, records: readonly Seen[]): void {
  for (const { needs, openNeeds, status } of records) {
    const open = needs.filter((need) => !isTerminal(state.steps.get(need).status)).length;
    expect(openNeeds).toBe(open);
    expect(status === 'pending').toBe(open > 0);
  }
  expect(lineOf(state).sort()).toEqual(
    having(records, 'ready')
      .map(({ index }) => index)
      .sort(),
  );
}

/** The line of ready steps from head to tail. */
function lineOf({ run, steps }: Scenario['state']): number[] {
  const found: number[] = [];
  for (const { head, tail } of [run.ready.engine, run.ready.worker]) {
    let last: number | undefined;
    for (let at = head; at !== undefined; at = steps.get(at).nextReady) found.push((last = at));
    expect(tail).toBe(last);
  }
  return found;
}
