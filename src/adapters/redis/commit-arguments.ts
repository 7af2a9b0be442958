import { isAcknowledgedEarlier } from '../../ports/assert-commit-request.ts';
import { RUN_MARKS } from '../../ports/run-store.ts';
import type { CommitRequest, IndexEntry, NewTask } from '../../ports/run-store.ts';

/** What commit.lua takes: its header names the order. `isLost[i]`: the lease of command i is known to be lost. */
export function commitArguments(
  request: CommitRequest,
  now: string,
  writer: string,
  foreign: readonly ('held' | 'lost' | undefined)[],
): string[] {
  const { key, events, snapshot, index, recall, cancelTimers } = request;
  const args = [now, writer, key.tenant, key.runId, String(request.expectedVersion)];
  pushCommands(args, request, foreign);
  args.push(String(events.length), ...events);
  if (snapshot) args.push('1', String(snapshot.version), snapshot.data);
  else args.push('');
  if (index) args.push('1', ...indexArguments(index));
  else args.push('');
  args.push(String(request.enqueue.length), ...request.enqueue.flatMap(taskArguments));
  args.push(String(recall.length), ...recall);
  args.push(String(cancelTimers.length), ...cancelTimers);
  args.push(String(request.timers.length));
  for (const { timerId, dueAtMs } of request.timers) args.push(timerId, String(dueAtMs));
  args.push(String(request.messages.length));
  for (const { messageId, target, body } of request.messages)
    args.push(messageId, target.tenant, target.runId, JSON.stringify(body));
  return args;
}

function pushCommands(
  args: string[],
  { commands }: CommitRequest,
  foreign: readonly ('held' | 'lost' | undefined)[],
): void {
  args.push(String(commands.length));
  for (const [at, { id, digest, answer, acknowledge, continueWith }] of commands.entries()) {
    args.push(id, JSON.stringify(digest ?? null), JSON.stringify(answer));
    if (!acknowledge || foreign[at] === 'held') args.push('');
    else if (foreign[at] === 'lost' || isAcknowledgedEarlier(commands, at)) args.push('lost');
    else {
      const { item, key, id: itemId, owner, fence } = acknowledge;
      args.push(item, key.tenant, key.runId, itemId, owner, String(fence));
      if (item !== 'task') continue;
      if (continueWith) args.push('1', ...taskArguments(continueWith));
      else args.push('');
    }
  }
}

function taskArguments({ slot, attempt, queue }: NewTask): string[] {
  return [slot, String(attempt), queue];
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
