import type { Priority } from '../../domain/priority.ts';
import { isAcknowledgedEarlier } from '../../ports/assert-commit-request.ts';
import { RUN_MARKS } from '../../ports/run-store.ts';
import type { Lease } from '../../ports/work-source.ts';
import { packEvent } from './event-text.ts';
import type {
  CommitCommand,
  CommitRequest,
  IndexEntry,
  NewMessage,
  NewTask,
  RunKey,
} from '../../ports/run-store.ts';

/** What commit.lua takes: its header names the order. `foreign[i]`: what is known of a lease of another shard. */
export function commitArguments(
  request: CommitRequest,
  foreign: readonly ('held' | 'lost' | undefined)[],
): string[] {
  const { key, events, expectedVersion, commands, index } = request;
  const args = [runName(key), String(expectedVersion), ''];
  const commandForms = commands.map((command, at) => {
    const isLost = foreign[at] === 'lost' || isAcknowledgedEarlier(commands, at);
    const ends = foreign[at] === 'held' ? undefined : command.acknowledge;
    if (ends && !isLost) args.push(String(ends.fence));
    return commandForm(key, command, ends && isLost ? 'lost' : ends);
  });
  if (index) args.push(String(index.startedAtMs), endOf(index));
  for (const event of events) args.push(packEvent(event));
  const letters = pushParts(args, request);
  args[2] = wellFormed([
    key.tenant,
    idAt(key),
    events.length,
    letters,
    commandForms,
    index ? [index.name, index.status, marksOf(index)] : false,
    request.enqueue.map(taskForm),
  ]);
  return args;
}

function commandForm(
  key: RunKey,
  { id, digest, answer, continueWith }: CommitCommand,
  ends: Lease | 'lost' | undefined,
): unknown[] {
  const recorded = `${JSON.stringify(digest ?? null)}\n${JSON.stringify(answer)}`;
  if (!ends || ends === 'lost') return [`c:${id}`, recorded, ends ?? '', '', '', '', false];
  return [
    ...[`c:${id}`, recorded, ends.item, isSameRun(ends.key, key) ? '' : runName(ends.key)],
    ...[ends.id, ends.owner, continueWith ? taskForm(continueWith) : false],
  ];
}

/** Lua's parser refuses half a surrogate pair: it becomes U+FFFD, as in every other argument. */
function wellFormed(form: readonly unknown[]): string {
  const json = JSON.stringify(form);
  if (!json.includes('\\ud')) return json;
  return JSON.stringify(form, (_, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed() : value,
  );
}

/** Most commits have none. Answers the letters of those that there are. */
function pushParts(args: string[], request: CommitRequest): string {
  const { snapshot, recall, cancelTimers, timers, messages } = request;
  let letters = '';
  const add = (letter: string, ...values: readonly string[]): void => {
    letters += letter;
    args.push(...values);
  };
  if (snapshot) add('s', `${snapshot.version}\n${snapshot.data}`);
  if (recall.length > 0) add('r', String(recall.length), ...recall);
  if (cancelTimers.length > 0) add('c', String(cancelTimers.length), ...cancelTimers);
  if (timers.length > 0)
    add('t', String(timers.length), ...timers.flatMap((one) => [one.timerId, String(one.dueAtMs)]));
  if (messages.length > 0) add('m', String(messages.length), ...messages.flatMap(messageArguments));
  return letters;
}

function messageArguments({ messageId, target, body }: NewMessage): string[] {
  return [messageId, target.tenant, target.runId, JSON.stringify(body)];
}

/** Unambiguous whatever stands in the two. Lua counts bytes. */
function runName({ tenant, runId }: RunKey): string {
  return `${Buffer.byteLength(tenant)}:${tenant}:${runId}`;
}

/** Bytes of a run's name before its id. */
function idAt({ tenant }: RunKey): number {
  const bytes = Buffer.byteLength(tenant);
  return String(bytes).length + bytes + 2;
}

function isSameRun(a: RunKey, b: RunKey): boolean {
  return a.runId === b.runId && a.tenant === b.tenant;
}

/** As turns.lua counts the priorities. */
const CLASS: Readonly<Record<Priority, number>> = { high: -1, normal: 0, low: 1 };

function taskForm({ slot, attempt, queue, priority = 'normal' }: NewTask): unknown[] {
  return [slot, attempt, queue, CLASS[priority]];
}

/** name, status, start, end or '', marks in their order. */
export function indexArguments(entry: IndexEntry): string[] {
  const { name, status, startedAtMs } = entry;
  return [name, status, String(startedAtMs), endOf(entry), marksOf(entry)];
}

function endOf({ finishedAtMs }: IndexEntry): string {
  return finishedAtMs === undefined ? '' : String(finishedAtMs);
}

function marksOf({ marks }: IndexEntry): string {
  return RUN_MARKS.filter((mark) => marks.includes(mark)).join(',');
}
