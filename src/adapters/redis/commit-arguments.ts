import type { Priority } from '../../domain/priority.ts';
import { isAcknowledgedEarlier } from '../../ports/assert-commit-request.ts';
import { RUN_MARKS } from '../../ports/run-store.ts';
import type {
  CommitRequest,
  IndexEntry,
  NewMessage,
  NewTask,
  RunKey,
} from '../../ports/run-store.ts';

/** What commit.lua takes: its header names the order. `isLost[i]`: the lease of command i is known to be lost. */
export function commitArguments(
  request: CommitRequest,
  foreign: readonly ('held' | 'lost' | undefined)[],
): string[] {
  const { key, events, expectedVersion } = request;
  const args = [runName(key), String(expectedVersion), String(events.length), ...events];
  pushCommands(args, request, foreign);
  pushParts(args, request);
  return args;
}

function pushCommands(
  args: string[],
  { key, commands }: CommitRequest,
  foreign: readonly ('held' | 'lost' | undefined)[],
): void {
  args.push(String(commands.length));
  for (const [at, { id, digest, answer, acknowledge, continueWith }] of commands.entries()) {
    args.push(`c:${id}`, `${JSON.stringify(digest ?? null)}\n${JSON.stringify(answer)}`);
    if (!acknowledge || foreign[at] === 'held') args.push('');
    else if (foreign[at] === 'lost' || isAcknowledgedEarlier(commands, at)) args.push('lost');
    else {
      const { item, id: itemId, owner, fence } = acknowledge;
      args.push(item, isSameRun(acknowledge.key, key) ? '' : runName(acknowledge.key));
      args.push(itemId, owner, String(fence));
      if (continueWith) args.push('1', ...taskArguments(continueWith));
      else args.push('');
    }
  }
}

/** Most commits have none. */
function pushParts(args: string[], request: CommitRequest): void {
  const { key, snapshot, index, enqueue, recall, cancelTimers, timers, messages } = request;
  const lettersAt = args.push('') - 1;
  let letters = '';
  const add = (letter: string, ...values: readonly string[]): void => {
    letters += letter;
    args.push(...values);
  };
  if (snapshot) add('s', `${snapshot.version}\n${snapshot.data}`);
  if (index) add('i', key.tenant, key.runId, ...indexArguments(index));
  if (enqueue.length > 0) add('q', String(enqueue.length), ...enqueue.flatMap(taskArguments));
  if (recall.length > 0) add('r', String(recall.length), ...recall);
  if (cancelTimers.length > 0) add('c', String(cancelTimers.length), ...cancelTimers);
  if (timers.length > 0)
    add('t', String(timers.length), ...timers.flatMap((one) => [one.timerId, String(one.dueAtMs)]));
  if (messages.length > 0) add('m', String(messages.length), ...messages.flatMap(messageArguments));
  args[lettersAt] = letters;
}

function messageArguments({ messageId, target, body }: NewMessage): string[] {
  return [messageId, target.tenant, target.runId, JSON.stringify(body)];
}

/** Unambiguous whatever stands in the two. Lua counts bytes. */
function runName({ tenant, runId }: RunKey): string {
  return `${Buffer.byteLength(tenant)}:${tenant}:${runId}`;
}

function isSameRun(a: RunKey, b: RunKey): boolean {
  return a.runId === b.runId && a.tenant === b.tenant;
}

/** As turns.lua counts the priorities. */
const CLASS: Readonly<Record<Priority, string>> = { high: '-1', normal: '0', low: '1' };

function taskArguments({ slot, attempt, queue, priority = 'normal' }: NewTask): string[] {
  return [slot, String(attempt), queue, CLASS[priority]];
}

/** name, status, start, end or '', marks in their order. */
export function indexArguments(entry: IndexEntry): string[] {
  const { name, status, startedAtMs, finishedAtMs } = entry;
  const marks = RUN_MARKS.filter((mark) => entry.marks.includes(mark)).join(',');
  return [
    name,
    status,
    String(startedAtMs),
    finishedAtMs === undefined ? '' : String(finishedAtMs),
    marks,
  ];
}
