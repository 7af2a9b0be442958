import { assertCommitRequest } from '../../ports/assert-commit-request.ts';
import { StoreUnavailableError } from '../../ports/run-store.ts';
import type { CommitRequest, CommitResult, RunStore } from '../../ports/run-store.ts';
import { prepareCommit } from './commit.ts';
import { prepareRunLists } from './list-runs.ts';
import { prepareRunReads } from './read-runs.ts';
import { prepareRunMaintenance } from './run-maintenance.ts';
import { NotBegunError } from './sqlite-failure.ts';
import type { SqliteSession } from './sqlite-session.ts';

export function createSqliteRunStore(session: SqliteSession): RunStore {
  const { db, clock, writes, notices } = session;
  const commit = prepareCommit(db, session.sequence, session.turns, session.leases);
  const reads = prepareRunReads(db);
  const lists = prepareRunLists(db);
  const maintenance = prepareRunMaintenance(db);

  const submit = async (request: CommitRequest): Promise<CommitResult> => {
    const { tenant, runId } = request.key;
    try {
      return await writes.submit(() => commit(request, clock.now()), `${tenant}\n${runId}`);
    } catch (error) {
      if (error instanceof StoreUnavailableError)
        return {
          kind: 'storeUnavailable',
          reason: error.message,
          ...(error instanceof NotBegunError && { isUnwritten: true }),
        };
      throw error;
    }
  };

  return {
    commit: async (request) => {
      assertCommitRequest(request);
      const result = await submit(request);
      if (result.kind === 'committed')
        notices.notify({ key: request.key, work: bringsWork(request) });
      return result;
    },
    load: (key, afterVersion) => session.readTogether(() => reads.load(key, afterVersion)),
    findCommand: (key, commandId) => session.read(() => reads.command(key, commandId)),
    readHistory: (key, fromSequence, limit) =>
      session.readTogether(() => reads.history(key, fromSequence, limit)),
    listRuns: (query) => session.readTogether(() => lists.list(query)),
    scanRuns: (limit, cursor) => session.read(() => lists.scan(limit, cursor)),
    replaceIndex: (key, version, entry) =>
      writes.submit(() => maintenance.replaceIndex(key, version, entry)),
    purgeFinished: (rule) => writes.submit(() => maintenance.purge(rule)),
  };
}

function bringsWork({ enqueue, recall, timers, messages }: CommitRequest): boolean {
  return enqueue.length > 0 || recall.length > 0 || timers.length > 0 || messages.length > 0;
}
