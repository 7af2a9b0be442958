import type { Json } from '../../domain/json.ts';
import { assertCommitRequest } from '../../ports/assert-commit-request.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { CommitRequest, LoadedRun, RunKey, RunStore } from '../../ports/run-store.ts';
import { indexArguments } from './commit-arguments.ts';
import { CommitGroups } from './commit-groups.ts';
import { commit } from './commit.ts';
import { readEvents } from './event-text.ts';
import { listRuns, scanRuns } from './list-runs.ts';
import { purgeFinished } from './purge-runs.ts';
import type { RedisSession } from './redis-session.ts';
import { integer, list, text } from './reply.ts';
import type { Reply } from './reply.ts';
import type { WakeUps } from './wake-ups.ts';

export function createRedisRunStore(
  session: RedisSession,
  wakeUps: WakeUps,
  maxFeedEntries: number,
): RunStore {
  const callRun = (operation: string, key: RunKey, ...more: readonly string[]): Promise<Reply> =>
    session.perform(() =>
      session.call(operation, session.shardOfRun(key), [key.tenant, key.runId, ...more]),
    );

  const groups = new CommitGroups(session, maxFeedEntries);
  return {
    commit: async (request) => {
      assertCommitRequest(request);
      try {
        const result = await commit(session, groups, request);
        if (result.kind === 'committed')
          wakeUps.notify({ key: request.key, work: bringsWork(request) });
        return result;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        return { kind: 'storeUnavailable', reason: error.message };
      }
    },
    load: async (key, afterVersion) => {
      const after = afterVersion === undefined ? '' : String(afterVersion);
      return readRun(await callRun('load', key, after));
    },
    findCommand: async (key, commandId) => {
      const reply = await callRun('find_command', key, commandId);
      return reply === null ? undefined : readCommand(text(reply));
    },
    readHistory: async (key, fromSequence, limit) => {
      const first = Math.max(1, fromSequence) - 1;
      if (limit < 1) return [];
      return readEvents(
        await callRun('read_history', key, String(first), String(first + limit - 1)),
      );
    },
    listRuns: (query) => session.perform(() => listRuns(session, query)),
    scanRuns: (limit, cursor) => session.perform(() => scanRuns(session, limit, cursor)),
    replaceIndex: async (key, version, entry) =>
      (await callRun('replace_index', key, String(version), ...indexArguments(entry))) === 1,
    purgeFinished: (rule) => session.perform(() => purgeFinished(session, rule)),
  };
}

function bringsWork({ enqueue, recall, timers, messages }: CommitRequest): boolean {
  return enqueue.length > 0 || recall.length > 0 || timers.length > 0 || messages.length > 0;
}

function readRun(reply: Reply): LoadedRun | undefined {
  const [version, stored, events] = list(reply);
  if (version === undefined) return undefined;
  const run = { version: integer(version), tail: readEvents(events) };
  const snapshot = text(stored);
  if (snapshot === '') return run;
  const [number, data] = cut(snapshot);
  return { ...run, snapshot: { version: integer(number), data } };
}

function readCommand(stored: string): NonNullable<Awaited<ReturnType<RunStore['findCommand']>>> {
  const [first, second] = cut(stored);
  // Both were written by JSON.stringify: of a Json, and of a digest or null.
  const answer = JSON.parse(second) as Json;
  const digest = JSON.parse(first) as string | null;
  return { answer, ...(digest === null ? {} : { digest }) };
}

/** At the first line end. */
function cut(stored: string): [first: string, rest: string] {
  const at = stored.indexOf('\n');
  return [stored.slice(0, at), stored.slice(at + 1)];
}
