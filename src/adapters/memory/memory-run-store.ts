import type { Json } from '../../domain/json.ts';
import { assertCommitRequest } from '../../ports/assert-commit-request.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { CommitRequest, CommitResult, RunKey, RunStore } from '../../ports/run-store.ts';
import { commit } from './commit.ts';
import type { MemoryDatabase } from './memory-database.ts';
import type { MemorySession } from './memory-session.ts';
import { copyOf, findPurgeable, listRuns, load, scanRuns } from './run-reads.ts';

export function createMemoryRunStore(session: MemorySession): RunStore {
  const { database, clock } = session;
  const perform = session.perform.bind(session);

  const apply = (request: CommitRequest): CommitResult => {
    const result = commit(database, request, clock.now());
    if (result.kind === 'committed')
      session.notify({ key: request.key, work: bringsWork(request) });
    return result;
  };

  return {
    commit: async (request) => {
      assertCommitRequest(request);
      try {
        return await perform('commit', () => apply(request));
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        return { kind: 'storeUnavailable', reason: error.message };
      }
    },
    load: (key, after) => perform('load', () => load(database, key, after)),
    findCommand: (key, id) => perform('findCommand', () => findCommand(database, key, id)),
    readHistory: (key, from, limit) =>
      perform('readHistory', () => {
        const first = Math.max(1, from) - 1;
        return database.findRun(key)?.events.slice(first, first + limit) ?? [];
      }),
    listRuns: (query) => perform('listRuns', () => listRuns(database, query)),
    scanRuns: (limit, cursor) => perform('scanRuns', () => scanRuns(database, limit, cursor)),
    replaceIndex: (key, version, entry) =>
      perform('replaceIndex', () => {
        const run = database.findRun(key);
        if (run?.events.length !== version) return false;
        run.index = copyOf(entry);
        return true;
      }),
    purgeFinished: (rule) =>
      perform('purgeFinished', () => {
        const purgeable = findPurgeable(database, rule);
        for (const run of purgeable) database.deleteRun(run);
        return purgeable.length;
      }),
  };
}

function bringsWork({ enqueue, recall, timers, messages }: CommitRequest): boolean {
  return enqueue.length > 0 || recall.length > 0 || timers.length > 0 || messages.length > 0;
}

function findCommand(database: MemoryDatabase, key: RunKey, id: string) {
  const found = database.findRun(key)?.commands.get(id);
  if (!found) return undefined;
  const { digest } = found;
  // Written by JSON.stringify of a Json.
  const answer = JSON.parse(found.answer) as Json;
  return { answer, ...(digest === undefined ? {} : { digest }) };
}
