import type { RedisRequest } from './resp-frames.ts';

/** What a write does, as far as crash points tell them apart. */
export type WriteKind =
  'claim' | 'engine-claim' | 'start' | 'report' | 'timer' | 'signal' | 'renewal';

/** What the trap file says. */
export interface SqliteTrap {
  readonly kind: WriteKind;
  readonly when: 'before' | 'after';
  /** Springs at the n-th such COMMIT since it was set. */
  readonly nth: number;
}

/** Commands are told apart by the ids that their senders give them. */
function kindOfCommand(id: string): WriteKind | undefined {
  if (id === 'start') return 'start';
  if (id.startsWith('report:')) return 'report';
  if (id.startsWith('timer:')) return 'timer';
  return id.startsWith('client:') ? 'signal' : undefined;
}

export function kindOfWrite(sql: string, parameters: readonly unknown[]): WriteKind | undefined {
  const text = sql.trim();
  if (text.startsWith('INSERT INTO commands')) return kindOfCommand(String(parameters[1]));
  if (/^UPDATE tasks SET\s+owner = \?/.test(text)) return 'claim';
  if (/^UPDATE (timers|messages) SET\s+owner/.test(text)) return 'engine-claim';
  return /^UPDATE tasks SET\s+claimable_at/.test(text) ? 'renewal' : undefined;
}

const OPERATIONS: Readonly<Partial<Record<WriteKind, RegExp>>> = {
  claim: /^claim_tasks/,
  'engine-claim': /^claim_engine/,
  renewal: /^renew/,
};
/** How the ids of commands stand among the arguments of a commit. */
const ARGUMENTS: Readonly<Partial<Record<WriteKind, RegExp>>> = {
  start: /\r\nstart\r\n/,
  report: /\r\nreport:/,
  timer: /\r\ntimer:/,
  signal: /\r\nclient:/,
};

export function isRequestOf(kind: WriteKind, { operation, text }: RedisRequest): boolean {
  const called = OPERATIONS[kind];
  if (called) return called.test(operation);
  return operation.startsWith('commit') && ARGUMENTS[kind]?.test(text) === true;
}
