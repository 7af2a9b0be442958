import type { DatabaseSync } from 'node:sqlite';
import type { Json } from '../../domain/json.ts';
import { isAcknowledgedEarlier } from '../../ports/assert-commit-request.ts';
import type { CommitCommand, CommitRequest, CommitResult } from '../../ports/run-store.ts';
import { CommitWrites } from './commit-writes.ts';
import type { RunRow } from './commit-writes.ts';
import type { LeaseTable } from './lease-table.ts';
import type { Sequence } from './sequence.ts';
import { integer, optionalInteger, optionalText, prepare, text } from './statement.ts';
import type { Row } from './statement.ts';
import type { Turns } from './turns.ts';

/** Runs inside a transaction: checks everything, then writes; what is refused has written nothing. */
export type Commit = (request: CommitRequest, nowMs: number) => CommitResult;

function prepareChecks(db: DatabaseSync) {
  return {
    findRun: prepare(db, 'SELECT id, version FROM runs WHERE tenant = ? AND run_id = ?'),
    // Most commits carry one command that ends one task: run, command and task come in one read.
    findAll: prepare(
      db,
      `SELECT r.id, r.version, c.id, c.digest, c.answer, t.lease_ms FROM runs r
       LEFT JOIN commands c ON c.run = r.id AND c.id = ?
       LEFT JOIN tasks t ON t.run = r.id AND t.slot = ? AND t.owner = ? AND t.fence = ?
       WHERE r.tenant = ? AND r.run_id = ?`,
    ),
    findCommand: prepare(db, 'SELECT id, digest, answer FROM commands WHERE run = ? AND id = ?'),
  };
}

export function prepareCommit(
  db: DatabaseSync,
  sequence: Sequence,
  turns: Turns,
  leases: LeaseTable,
): Commit {
  const writes = new CommitWrites(db, sequence, turns, leases);
  const { findRun, findAll, findCommand } = prepareChecks(db);

  const one = (request: CommitRequest, command: CommitCommand, nowMs: number): CommitResult => {
    const { key, expectedVersion } = request;
    const lease = command.acknowledge;
    const row = findAll.row(
      command.id,
      lease?.id ?? null,
      lease?.owner ?? null,
      lease?.fence ?? null,
      key.tenant,
      key.runId,
    );
    const repeated = row && recorded(row, 2, command);
    if (repeated) return repeated;
    const leaseMs = row && optionalInteger(row, 5);
    if (lease && leaseMs === undefined) return { kind: 'leaseLost', commandId: command.id };
    const actualVersion = row ? integer(row, 1) : 0;
    if (actualVersion !== expectedVersion) return { kind: 'versionConflict', actualVersion };
    return writes.apply(request, row && runRow(row), [leaseMs], nowMs);
  };

  const many = (request: CommitRequest, nowMs: number): CommitResult => {
    const { key, commands, expectedVersion } = request;
    const row = findRun.row(key.tenant, key.runId);
    const run = row && runRow(row);
    for (const command of run ? commands : []) {
      const found = run && findCommand.row(run.id, command.id);
      const repeated = found && recorded(found, 0, command);
      if (repeated) return repeated;
    }
    const held = commands.map((command, at) =>
      isAcknowledgedEarlier(commands, at) ? undefined : heldFor(command),
    );
    const lost = commands.find(({ acknowledge }, at) => acknowledge && held[at] === undefined);
    if (lost) return { kind: 'leaseLost', commandId: lost.id };
    const actualVersion = run?.version ?? 0;
    if (actualVersion !== expectedVersion) return { kind: 'versionConflict', actualVersion };
    return writes.apply(request, run, held, nowMs);
  };

  const heldFor = ({ acknowledge: lease }: CommitCommand): number | undefined => {
    const run = lease && leases.findRun(lease.key);
    return lease && run !== undefined ? leases.heldFor(run, lease) : undefined;
  };

  return (request, nowMs) => {
    const [command, second] = request.commands;
    // A new run holds no command or lease yet: that its key is free is all there is to check.
    if (request.expectedVersion === 0 && !request.commands.some(({ acknowledge }) => acknowledge)) {
      const created = writes.create(request, nowMs);
      if (created) return created;
    }
    return command && !second && endsOwnTaskOrNothing(request, command)
      ? one(request, command, nowMs)
      : many(request, nowMs);
  };
}

function endsOwnTaskOrNothing({ key }: CommitRequest, { acknowledge }: CommitCommand): boolean {
  if (!acknowledge) return true;
  const { item, key: run } = acknowledge;
  return item === 'task' && run.runId === key.runId && run.tenant === key.tenant;
}

/** From `column` on: id, digest, answer of a command that was recorded before. */
function recorded(
  row: Row,
  column: number,
  { id, digest }: CommitCommand,
): CommitResult | undefined {
  if (row[column] === null) return undefined;
  if (optionalText(row, column + 1) !== digest) return { kind: 'keyReused', commandId: id };
  // Written by JSON.stringify of a Json.
  const answer = JSON.parse(text(row, column + 2)) as Json;
  return { kind: 'duplicate', commandId: id, answer };
}

function runRow(row: Row): RunRow {
  return { id: integer(row, 0), version: integer(row, 1) };
}
