import { createMachine, transition, type AnyMachineSnapshot } from 'xstate';

export const RUN_STATUSES = [
  'pending',
  'running',
  'paused',
  'cancelling',
  'completed',
  'failed',
  'cancelled',
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export type LifecycleEvent =
  'start' | 'pause' | 'resume' | 'cancel' | 'stopped' | 'complete' | 'fail';

/** The life of a run. Final states have no way out: I3, exactly one terminal event a run. */
const runMachine = createMachine({
  id: 'run',
  initial: 'pending',
  states: {
    pending: { on: { start: 'running' } },
    running: {
      on: { pause: 'paused', cancel: 'cancelling', complete: 'completed', fail: 'failed' },
    },
    // A paused run whose last step finishes has nothing left to hold back, so it may end.
    paused: {
      on: { resume: 'running', cancel: 'cancelling', complete: 'completed', fail: 'failed' },
    },
    cancelling: { on: { stopped: 'cancelled' } },
    completed: { type: 'final' },
    failed: { type: 'final' },
    cancelled: { type: 'final' },
  },
});

const EVENTS: readonly LifecycleEvent[] = [
  'start',
  'pause',
  'resume',
  'cancel',
  'stopped',
  'complete',
  'fail',
];

// The machine is a pure function of (status, event): it is asked once for each pair at load, because a
// pure `transition` costs some 10 µs and a run makes several on the engine's hottest path.
const transitions: ReadonlyMap<string, RunStatus> = new Map(
  RUN_STATUSES.flatMap((status) =>
    EVENTS.flatMap((type) => {
      const from: AnyMachineSnapshot = runMachine.resolveState({ value: status });
      const next = transition(runMachine, from, { type })[0].value as RunStatus; // a state of this machine
      return next === status ? [] : [[`${status} ${type}`, next] as const];
    }),
  ),
);

/** The status after the event, or `undefined` where the event is not allowed. */
export function nextStatus(status: RunStatus, event: LifecycleEvent): RunStatus | undefined {
  return transitions.get(`${status} ${event}`);
}

export function isFinished(status: RunStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}
