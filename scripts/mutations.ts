import { ACCESS_MUTATIONS } from './access-mutations.ts';
import { AGENT_MUTATIONS } from './agent-mutations.ts';

/** One guard taken out of the source. The tests named must notice. */
export interface Mutation {
  readonly name: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Test files, relative to the repository. */
  readonly tests: readonly string[];
}

const MEMORY = ['test/contract/memory.test.ts'];
const SQLITE = ['test/contract/sqlite.test.ts'];
const SIMULATION = ['test/simulation/simulation.test.ts'];
const EXECUTOR = ['test/application/execute-command.test.ts', ...SIMULATION];
const STEPS = ['test/application/perform-task.test.ts', ...SIMULATION];
const UNSAFE = ['test/domain/decide-unsafe.test.ts', ...STEPS];

const memory: readonly Mutation[] = [
  {
    name: 'memory: a lease counts whatever its fence',
    file: 'src/adapters/memory/memory-database.ts',
    find: 'found?.owner === owner && found.fence === fence ? found : undefined',
    replace: 'found?.owner === owner ? found : undefined',
    tests: MEMORY,
  },
  {
    name: 'memory: a command may be recorded twice',
    file: 'src/adapters/memory/commit.ts',
    find: '    findRepeated(run, request) ??\n',
    replace: '',
    tests: MEMORY,
  },
  {
    name: 'memory: a lost lease is not looked for',
    file: 'src/adapters/memory/commit.ts',
    find: '    findLost(database, request) ??\n',
    replace: '',
    tests: MEMORY,
  },
  {
    name: 'memory: the version is not compared',
    file: 'src/adapters/memory/commit.ts',
    find: '    findConflict(run, request) ??\n',
    replace: '',
    tests: MEMORY,
  },
  {
    name: 'memory: lease before duplicate',
    file: 'src/adapters/memory/commit.ts',
    find: 'findRepeated(run, request) ??\n    findLost(database, request) ??',
    replace: 'findLost(database, request) ??\n    findRepeated(run, request) ??',
    tests: MEMORY,
  },
  {
    name: 'memory: version before lease',
    file: 'src/adapters/memory/commit.ts',
    find: 'findLost(database, request) ??\n    findConflict(run, request) ??',
    replace: 'findConflict(run, request) ??\n    findLost(database, request) ??',
    tests: MEMORY,
  },
  {
    name: 'memory: a key may be used again for something else',
    file: 'src/adapters/memory/commit.ts',
    find: "    if (recorded.digest !== digest) return { kind: 'keyReused', commandId: id };\n",
    replace: '',
    tests: MEMORY,
  },
  {
    name: 'memory: one lease may end twice in a commit',
    file: 'src/adapters/memory/commit.ts',
    find: ' || isAcknowledgedEarlier(commands, at)',
    replace: '',
    tests: MEMORY,
  },
  {
    name: 'memory: timers and leases end early',
    file: 'src/adapters/memory/claim-line.ts',
    find: 'if (!entry || entry.atMs > nowMs) break;',
    replace: 'if (!entry) break;',
    tests: MEMORY,
  },
  {
    name: 'memory: handing on leaves the old lease alive',
    file: 'src/adapters/memory/commit-work.ts',
    find: '  const fence = database.nextSequence();\n  const expiresAtMs',
    replace: '  const fence = lease.fence;\n  const expiresAtMs',
    tests: MEMORY,
  },
];

const sqlite: readonly Mutation[] = [
  {
    name: 'SQLite: one command: a lease counts whatever its fence',
    file: 'src/adapters/sqlite/commit.ts',
    find: 't.owner = ? AND t.fence = ?',
    replace: 't.owner = ? AND t.fence >= ?',
    tests: SQLITE,
  },
  {
    name: 'SQLite: renewals: a lease counts whatever its fence',
    file: 'src/adapters/sqlite/lease-table.ts',
    find: 'AND id = ? AND owner = ? AND fence = ?`;',
    replace: 'AND id = ? AND owner = ? AND fence >= ?`;',
    tests: SQLITE,
  },
  {
    name: 'SQLite: many commands: a lease counts whatever its fence',
    file: 'src/adapters/sqlite/lease-table.ts',
    find: 'FROM tasks WHERE run = ? AND slot = ? AND owner = ? AND fence = ?',
    replace: 'FROM tasks WHERE run = ? AND slot = ? AND owner = ? AND fence >= ?',
    tests: SQLITE,
  },
  {
    name: 'SQLite: a command may be recorded twice',
    file: 'src/adapters/sqlite/commit.ts',
    find: 'if (row[column] === null) return undefined;',
    replace: 'if (row[column] === null || column >= 0) return undefined;',
    tests: SQLITE,
  },
  {
    name: 'SQLite: one command: a lost lease is not looked for',
    file: 'src/adapters/sqlite/commit.ts',
    find: "    if (lease && leaseMs === undefined) return { kind: 'leaseLost', commandId: command.id };\n",
    replace: '',
    tests: SQLITE,
  },
  {
    name: 'SQLite: many commands: a lost lease is not looked for',
    file: 'src/adapters/sqlite/commit.ts',
    find: "    if (lost) return { kind: 'leaseLost', commandId: lost.id };\n",
    replace: '',
    tests: SQLITE,
  },
  {
    name: 'SQLite: one command: the version is not compared',
    file: 'src/adapters/sqlite/commit.ts',
    find:
      'const actualVersion = row ? integer(row, 1) : 0;\n' +
      "    if (actualVersion !== expectedVersion) return { kind: 'versionConflict', actualVersion };\n",
    replace: '',
    tests: SQLITE,
  },
  {
    name: 'SQLite: many commands: the version is not compared',
    file: 'src/adapters/sqlite/commit.ts',
    find:
      'const actualVersion = run?.version ?? 0;\n' +
      "    if (actualVersion !== expectedVersion) return { kind: 'versionConflict', actualVersion };\n",
    replace: '',
    tests: ['test/contract/shared-commit.test.ts'],
  },
  {
    name: 'SQLite: one command: lease before duplicate',
    file: 'src/adapters/sqlite/commit.ts',
    find:
      '    const repeated = row && recorded(row, 2, command);\n' +
      '    if (repeated) return repeated;\n' +
      '    const leaseMs = row && optionalInteger(row, 5);\n' +
      "    if (lease && leaseMs === undefined) return { kind: 'leaseLost', commandId: command.id };\n",
    replace:
      '    const leaseMs = row && optionalInteger(row, 5);\n' +
      "    if (lease && leaseMs === undefined) return { kind: 'leaseLost', commandId: command.id };\n" +
      '    const repeated = row && recorded(row, 2, command);\n' +
      '    if (repeated) return repeated;\n',
    tests: SQLITE,
  },
  {
    name: 'SQLite: a key may be used again for something else',
    file: 'src/adapters/sqlite/commit.ts',
    find: "  if (optionalText(row, column + 1) !== digest) return { kind: 'keyReused', commandId: id };\n",
    replace: '',
    tests: SQLITE,
  },
  {
    name: 'SQLite: one lease may end twice in a commit',
    file: 'src/adapters/sqlite/commit.ts',
    find: 'isAcknowledgedEarlier(commands, at) ? undefined : heldFor(command)',
    replace: 'heldFor(command)',
    tests: SQLITE,
  },
  {
    name: 'SQLite: timers fire early',
    file: 'src/adapters/sqlite/claim-engine-work.ts',
    find: "WHERE i.claimable_at <= ? ORDER BY i.claimable_at LIMIT ?`,\n  );\n  return {\n    item: 'timer'",
    replace:
      "WHERE i.claimable_at <= ? + 60000 ORDER BY i.claimable_at LIMIT ?`,\n  );\n  return {\n    item: 'timer'",
    tests: SQLITE,
  },
];

const domain: readonly Mutation[] = [
  {
    name: 'a report of another attempt is taken',
    file: 'src/domain/decisions/step-report.ts',
    find: "found?.record.status === 'scheduled' && found.record.attempt === attempt",
    replace: "found?.record.status === 'scheduled'",
    tests: UNSAFE.concat('test/domain/decide-retry.test.ts'),
  },
  {
    name: 'a report of a step that no longer runs is taken',
    file: 'src/domain/decisions/step-report.ts',
    find: "found?.record.status === 'scheduled' && found.record.attempt === attempt",
    replace: 'found?.record.attempt === attempt',
    tests: UNSAFE,
  },
  {
    name: 'an unsafe effect may begin twice',
    file: 'src/domain/decisions/step-report.ts',
    find: 'if (current.record.begun === true)\n    return reject(',
    replace: 'if (current.attempt === -1)\n    return reject(',
    tests: UNSAFE,
  },
  {
    name: 'a begun unsafe step is run again',
    file: 'src/application/engine/admit-task.ts',
    find: 'if (record.begun === true)',
    replace: 'if (record.begun === undefined && record.attempt < 0)',
    tests: STEPS,
  },
  {
    name: 'an unsafe effect begins before that is durable',
    file: 'src/application/engine/admit-task.ts',
    find: "  if (step.effect === 'unsafe' && !(await mayBegin(ports, task)))\n    return { kind: 'settled', next: undefined };\n",
    replace: '',
    tests: STEPS,
  },
  {
    name: 'a step may leave the ready line from anywhere',
    file: 'src/domain/fold.ts',
    find: 'if (head !== index)',
    replace: 'if (head === -1)',
    tests: ['test/domain/evolve.test.ts', 'test/domain/decide-order.test.ts'],
  },
  {
    name: 'the ready line goes last in, first out',
    file: 'src/domain/fold.ts',
    find: 'this.#put(tail, { ...this.#state.steps.get(tail), nextReady: index });\n    this.#setLine(index, { head, tail: index });',
    replace:
      'this.#put(index, { ...this.#state.steps.get(index), nextReady: head });\n    this.#setLine(index, { head: index, tail });',
    tests: ['test/domain/decide-order.test.ts', 'test/domain/evolve.test.ts'],
  },
  {
    name: 'a join fires early',
    file: 'src/domain/fold.ts',
    find: "if (openNeeds === 0 && record.status === 'pending')",
    replace: "if (openNeeds <= 1 && record.status === 'pending')",
    tests: ['test/domain/decide-order.test.ts', ...SIMULATION],
  },
  {
    name: 'a step may end twice',
    file: 'src/domain/fold.ts',
    find: 'if (isTerminal(record.status)) throw',
    replace: 'if (isTerminal(record.status) && index < 0) throw',
    tests: ['test/domain/evolve.test.ts'],
  },
  {
    name: 'a finished run may finish again',
    file: 'src/domain/decisions/advance.ts',
    find: 'if (!isFinished(decision.run.status)) finishIfDone(decision);',
    replace: 'finishIfDone(decision);',
    tests: ['test/domain/decide-control.test.ts', ...SIMULATION],
  },
  {
    name: 'a finished run takes commands',
    file: 'src/domain/decide.ts',
    find: 'if (!isFinished(status)) return proceed();',
    replace: "if (status !== 'pending') return proceed();",
    tests: ['test/domain/decide-control.test.ts', ...SIMULATION],
  },
  {
    name: 'a timer of another purpose or attempt fires',
    file: 'src/domain/decisions/timer.ts',
    find: 'timerIdOf(purpose, planned.id, record.attempt) === timerId;',
    replace: "timerIdOf(purpose, planned.id, record.attempt) !== '';",
    tests: [
      'test/domain/decide-retry.test.ts',
      'test/domain/decide-wait-signal.test.ts',
      ...SIMULATION,
    ],
  },
  {
    name: 'a cancellation does not recall what is queued',
    file: 'src/domain/effects.ts',
    find: 'effects.recall.push(...heldSlots());',
    replace: '',
    tests: ['test/domain/effects.test.ts', ...SIMULATION],
  },
  {
    name: 'attempts without end',
    file: 'src/domain/retry-policy.ts',
    find: 'if (failedAttempt >= policy.maxAttempts) return undefined;',
    replace: '',
    tests: ['test/domain/retry-policy.test.ts', ...SIMULATION],
  },
  {
    name: 'what must not be retried is retried',
    file: 'src/domain/retry-policy.ts',
    find: 'if (error.permanent === true || policy.nonRetryable.includes(error.code)) return undefined;',
    replace: '',
    tests: ['test/domain/retry-policy.test.ts', ...SIMULATION],
  },
];

const executor: readonly Mutation[] = [
  {
    name: 'a refusal rests on a command that is not durable',
    file: 'src/application/commands/decide-batch.ts',
    find: 'if (commands.length === 0) refused.push(',
    replace: 'refused.push(',
    tests: EXECUTOR,
  },
  {
    name: 'a decision outlives the state that it rests on',
    file: 'src/application/commands/mailbox.ts',
    find: 'if (run.state.run.version !== version) return undefined;',
    replace: '',
    tests: EXECUTOR,
  },
  {
    name: 'an old cache refuses for good',
    file: 'src/application/commands/mailbox.ts',
    find: 'if (!isRetry) return;',
    replace: '',
    tests: EXECUTOR,
  },
  {
    name: 'one command id twice in a commit',
    file: 'src/application/commands/decide-batch.ts',
    find: 'if (isRepetition(batch, at)) continue;',
    replace: '',
    tests: EXECUTOR,
  },
  {
    name: 'a repetition is refused instead of answered',
    file: 'src/application/commands/mailbox.ts',
    find: 'if (recorded === undefined) return this.#settle',
    replace: 'if (recorded !== null) return this.#settle',
    tests: EXECUTOR,
  },
  {
    name: 'a lost report ends the worker',
    file: 'src/application/engine/step-worker.ts',
    find: 'if (error instanceof StoreUnavailableError)\n        return logger.warn',
    replace: 'if (error === undefined)\n        return logger.warn',
    tests: ['test/application/step-worker.test.ts', ...SIMULATION],
  },
];

export const MUTATIONS: readonly Mutation[] = [
  ...memory,
  ...sqlite,
  ...domain,
  ...executor,
  ...AGENT_MUTATIONS,
  ...ACCESS_MUTATIONS,
];
