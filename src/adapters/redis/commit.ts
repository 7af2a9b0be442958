import type { Json } from '../../domain/json.ts';
import { isAcknowledgedEarlier } from '../../ports/assert-commit-request.ts';
import type { CommitRequest, CommitResult } from '../../ports/run-store.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { Lease } from '../../ports/work-source.ts';
import { commitArguments } from './commit-arguments.ts';
import type { CommitGroups } from './commit-groups.ts';
import { discard, extend } from './leases.ts';
import type { RedisSession } from './redis-session.ts';
import { integer, list, text } from './reply.ts';
import type { Reply } from './reply.ts';

/**
 * One function call on the run's shard, with others of the same moment. Rejects with StoreUnavailableError for all that went
 * wrong with the server.
 */
export function commit(
  session: RedisSession,
  groups: CommitGroups,
  request: CommitRequest,
): Promise<CommitResult> {
  const shard = session.shardOfRun(request.key);
  const abroad = leasesAbroad(session, shard, request);
  if (abroad === undefined) return commitAt(groups, shard, request, []);
  return session.perform(() => commitHolding(session, groups, request, abroad));
}

function commitAt(
  groups: CommitGroups,
  shard: number,
  request: CommitRequest,
  foreign: readonly ('held' | 'lost' | undefined)[],
): Promise<CommitResult> {
  return new Promise((resolve, fail) => {
    const settle = (reply: Reply): void => resolve(readResult(request, reply));
    groups.add(shard, commitArguments(request, foreign), { settle, fail });
  });
}

/** By command; `undefined`: there is none, as of all but messages. */
function leasesAbroad(
  session: RedisSession,
  shard: number,
  { commands }: CommitRequest,
): readonly (Lease | undefined)[] | undefined {
  if (session.shardCount === 1) return undefined;
  const abroad = commands.map(({ acknowledge }) =>
    acknowledge && session.shardOfRun(acknowledge.key) !== shard ? acknowledge : undefined,
  );
  return abroad.some((lease) => lease !== undefined) ? abroad : undefined;
}

/**
 * A lease of another shard (a message's, whose sender lives there) cannot be part of the call: it is extended before, so
 * that it holds, and its item removed after. A process that dies in between leaves the message to be delivered again,
 * which the target answers as a duplicate: its id is the command's.
 */
async function commitHolding(
  session: RedisSession,
  groups: CommitGroups,
  request: CommitRequest,
  abroad: readonly (Lease | undefined)[],
): Promise<CommitResult> {
  const foreign = await holdAbroad(session, request, abroad);
  const result = await commitAt(groups, session.shardOfRun(request.key), request, foreign);
  if (result.kind === 'committed')
    await Promise.all(
      abroad.filter((lease) => lease !== undefined).map((lease) => removeAbroad(session, lease)),
    );
  return result;
}

function holdAbroad(
  session: RedisSession,
  { commands }: CommitRequest,
  abroad: readonly (Lease | undefined)[],
): Promise<('held' | 'lost' | undefined)[]> {
  return Promise.all(
    abroad.map(async (lease, at) => {
      if (!lease) return undefined;
      if (isAcknowledgedEarlier(commands, at)) return 'lost';
      return (await extend(session, lease)) ? 'held' : 'lost';
    }),
  );
}

/** What is not removed comes again and is then a duplicate: no reason to call the commit failed. */
async function removeAbroad(session: RedisSession, lease: Lease): Promise<void> {
  try {
    await discard(session, lease);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
  }
}

function readResult(request: CommitRequest, reply: Reply): CommitResult {
  const values = list(reply);
  const [kind, first] = values;
  const commandId = (): string => request.commands[integer(first)]?.id ?? '';
  if (typeof kind === 'number')
    return { kind: 'committed', version: kind, leases: readLeases(request, values) };
  switch (kind) {
    case 'duplicate':
      // Written by JSON.stringify of a Json.
      return { kind, commandId: commandId(), answer: JSON.parse(text(values[2])) as Json };
    case 'reused':
      return { kind: 'keyReused', commandId: commandId() };
    case 'lost':
      return { kind: 'leaseLost', commandId: commandId() };
    case 'conflict':
      return { kind: 'versionConflict', actualVersion: integer(first) };
    default:
      throw new StoreUnavailableError('Redis answered a commit with what it does not know');
  }
}

function readLeases({ key, commands }: CommitRequest, values: readonly Reply[]): HandedOn {
  let at = 1;
  return commands.map(({ acknowledge, continueWith }) => {
    if (!acknowledge || !continueWith) return undefined;
    const fence = integer(values[at]);
    const expiresAtMs = integer(values[at + 1]);
    at += 2;
    return {
      key,
      item: 'task',
      id: continueWith.slot,
      owner: acknowledge.owner,
      fence,
      expiresAtMs,
    };
  });
}

type HandedOn = Extract<CommitResult, { kind: 'committed' }>['leases'];
