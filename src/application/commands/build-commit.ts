import { EVENT_SCHEMA_VERSION, type EventBody, type EventEnvelope } from '../../domain/events.ts';
import { advanceTimerId, effectsOf } from '../../domain/effects.ts';
import type { Plan } from '../../domain/plan.ts';
import { PRIORITIES } from '../../domain/priority.ts';
import { writeSnapshot, type DraftState, type RunHeader } from '../../domain/state.ts';
import {
  RUN_MARKS,
  type CommitCommand,
  type CommitRequest,
  type IndexEntry,
  type NewTask,
  type RunKey,
  type RunMark,
  type RunSnapshot,
} from '../../ports/run-store.ts';
import { storedQueue } from '../access/tenant-names.ts';
import type { CommandEnvelope } from './execute-command.ts';
import type { CachedRun } from './run-cache.ts';

/** Below this a tail is read as fast as a snapshot, and most runs end before it. */
const MIN_SNAPSHOT_BYTES = 32_768;

export interface DecidedCommand {
  readonly envelope: CommandEnvelope;
  readonly events: readonly EventBody[];
  readonly isUnfinished: boolean;
}

export interface BuiltCommit {
  readonly request: CommitRequest;
  readonly tailBytes: number;
  readonly snapshotBytes: number;
}

/** Turns decided commands into the one commit that makes them true. */
export function buildCommit(decided: {
  readonly key: RunKey;
  readonly run: CachedRun;
  readonly draft: DraftState;
  readonly commands: readonly DecidedCommand[];
  readonly nowMs: number;
}): BuiltCommit {
  const { key, run, draft, commands, nowMs } = decided;
  const before = run.state.run;
  const [only] = commands;
  const bodies =
    only && commands.length === 1 ? only.events : commands.flatMap(({ events }) => events);
  const effects = effectsOf(
    run.plan,
    bodies,
    () => scheduledSlots(run.plan, draft),
    draft.run.priority,
  );
  if (commands.some(({ isUnfinished }) => isUnfinished))
    effects.timers.push({ timerId: advanceTimerId(draft.run.version), dueAtMs: nowMs });
  const events = serialise(commands, before.version, nowMs);
  const tailBytes = events.reduce((sum, text) => sum + text.length, run.tailBytes);
  const snapshot = snapshotOf(run, draft, tailBytes);
  // Before what is left of `enqueue` is read.
  const answered = answerAll(commands, effects.enqueue, draft.run.version);
  return {
    request: {
      key,
      expectedVersion: before.version,
      commands: answered,
      events,
      snapshot,
      enqueue: effects.enqueue.map((task) => inTenant(key.tenant, task)),
      recall: effects.recall,
      timers: effects.timers,
      cancelTimers: effects.cancelTimers,
      messages: [],
      index: isListedOtherwise(before, draft.run) ? indexEntryOf(draft.run) : undefined,
    },
    tailBytes: snapshot ? 0 : tailBytes,
    snapshotBytes: snapshot?.data.length ?? run.snapshotBytes,
  };
}

export function indexEntryOf(run: RunHeader): IndexEntry {
  return {
    name: run.name,
    status: run.status,
    startedAtMs: run.startedAtMs,
    ...(run.finishedAtMs !== undefined && { finishedAtMs: run.finishedAtMs }),
    marks: marksOf(run),
  };
}

/** Asked of every commit: marks are compared without being made. */
function isListedOtherwise(before: RunHeader, after: RunHeader): boolean {
  return (
    before.status !== after.status ||
    RUN_MARKS.some((mark) => HAS_MARK[mark](before) !== HAS_MARK[mark](after))
  );
}

const HAS_MARK: Readonly<Record<RunMark, (run: RunHeader) => boolean>> = {
  awaits_person: ({ awaitedPeople }) => awaitedPeople > 0,
  has_checkpoints: ({ checkpoints }) => checkpoints.length > 0,
};

function marksOf(run: RunHeader): RunMark[] {
  return RUN_MARKS.filter((mark) => HAS_MARK[mark](run));
}

function serialise(
  commands: readonly DecidedCommand[],
  version: number,
  occurredAtMs: number,
): string[] {
  const texts: string[] = [];
  for (const { envelope, events } of commands) {
    const rest = restOfEnvelope(envelope, occurredAtMs);
    for (const body of events) {
      const head = `{"schemaVersion":${EVENT_SCHEMA_VERSION},"sequence":${version + texts.length + 1}`;
      texts.push(`${head},${rest},"body":${JSON.stringify(body)}}`);
    }
  }
  return texts;
}

/** What the events of a command have in common, written once for all of them: members of a RunEvent, without braces. */
function restOfEnvelope(envelope: CommandEnvelope, occurredAtMs: number): string {
  const { commandId, causationId, actor, traceparent } = envelope;
  // A traceparent that is undefined is left out of the text.
  const common = { occurredAtMs, commandId, causationId, actor, traceparent };
  return JSON.stringify(common satisfies Omit<EventEnvelope, 'schemaVersion' | 'sequence'>).slice(
    1,
    -1,
  );
}

/**
 * A snapshot is due when the tail outweighs the last one: the bytes of all snapshots but the newest then stay
 * below those of the history. "Every k events" would write the whole state of a large run again and again.
 */
function snapshotOf(run: CachedRun, draft: DraftState, tailBytes: number): RunSnapshot | undefined {
  if (tailBytes < Math.max(MIN_SNAPSHOT_BYTES, run.snapshotBytes)) return undefined;
  return { version: draft.run.version, data: writeSnapshot(run.plan, draft) };
}

/**
 * Hands new tasks on to senders that can go on with them, the most urgent first; what is left of `enqueue` goes to the
 * queues. A sender goes on with its run whatever waits there: an urgent task of another run is preferred at its next
 * claim, not before.
 */
function answerAll(
  commands: readonly DecidedCommand[],
  enqueue: NewTask[],
  version: number,
): CommitCommand[] {
  return commands.map(({ envelope }) => {
    const { commandId, answer = { version }, digest, acknowledge } = envelope;
    const continueWith = takeFirst(enqueue, envelope);
    return { id: commandId, answer, digest, acknowledge, continueWith };
  });
}

function takeFirst(enqueue: NewTask[], envelope: CommandEnvelope): NewTask | undefined {
  const { acknowledge, canContinue } = envelope;
  if (acknowledge?.item !== 'task' || canContinue === undefined) return undefined;
  for (const urgency of PRIORITIES) {
    const at = enqueue.findIndex(
      ({ queue, priority = 'normal' }) => priority === urgency && canContinue(queue),
    );
    if (at >= 0) return enqueue.splice(at, 1)[0];
  }
  return undefined;
}

/** What is handed on needs it not: agents take what is enqueued, and the queues of workers are shared. */
function inTenant(tenant: string, task: NewTask): NewTask {
  const queue = storedQueue(tenant, task.queue);
  return queue === task.queue ? task : { ...task, queue };
}

function scheduledSlots(plan: Plan, draft: DraftState): string[] {
  return plan.steps
    .filter((step) => draft.steps.get(step.index).status === 'scheduled')
    .map((step) => step.id);
}
