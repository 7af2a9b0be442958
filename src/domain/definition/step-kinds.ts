import { z } from 'zod';
import type { DefinitionError } from './definition-error.ts';
import { parseDuration, type DurationText } from './duration.ts';
import { isJsonObject, type Json } from '../json.ts';
import type { RetryPolicy } from '../retry-policy.ts';

export const STEP_KIND_NAMES = ['shell', 'transform', 'wait', 'signal', 'fail'] as const;
export type StepKindName = (typeof STEP_KIND_NAMES)[number];

export const EFFECT_CLASSES = ['pure', 'idempotent', 'keyed', 'unsafe'] as const;
export type EffectClass = (typeof EFFECT_CLASSES)[number];

/** Keys of a step that only some kinds have a use for; elsewhere they are refused instead of ignored. */
export type KindSetting = 'timeout' | 'heartbeat' | 'retry' | 'effect';

/** One kind of step: a new kind is one more entry of `STEP_KINDS`. */
export interface StepKind {
  /** What the evaluated `with` must be. */
  readonly inputSchema: z.ZodType;
  /** Whether `with` must be written; otherwise leaving it out means {}. */
  readonly isInputRequired: boolean;
  readonly settings: readonly KindSetting[];
  readonly timeoutMs: number | undefined;
  readonly retry: RetryPolicy;
  readonly effect: EffectClass;
  /** For kinds that a worker runs: the queue, known from what `with` states without expressions. */
  readonly queueOf: ((input: Json) => string) | undefined;
  /** What must hold of `with` as written, before any evaluation; places are relative to `with`. */
  readonly checkWritten: (input: Json) => readonly DefinitionError[];
}

/** A duration in a definition or a step's input: text such as `1h30m`, or whole milliseconds. */
export const durationSchema = z.custom<DurationText>((value) => parseDuration(value).ok, {
  error: ({ input }) => {
    const parsed = parseDuration(input);
    return parsed.ok ? '' : parsed.error;
  },
});

const text = z.string();

export const shellInputSchema = z.strictObject({
  /** The binary, then its arguments; no shell is involved. */
  command: z.array(text).min(1, 'needs at least the binary'),
  cwd: text.optional(),
  env: z.record(text, text).optional(),
  stdin: text.optional(),
  /** What becomes of standard output. Default: text. */
  parse: z.enum(['text', 'json', 'lines']).optional(),
  /** Default: [0]. */
  successCodes: z.array(z.int().min(0).max(255)).min(1).optional(),
  /** From the request to stop until the kill. Default: 5 s. */
  grace: durationSchema.optional(),
});

/** Any JSON. */
export const transformInputSchema = z.custom<Json>();

const ONE_OF_FOR_AND_UNTIL = 'needs exactly one of "for" and "until"';

export const waitInputSchema = z
  .strictObject({
    for: durationSchema.optional(),
    until: z.iso
      .datetime({ offset: true, error: 'expected a date and time of RFC 3339' })
      .optional(),
  })
  .refine((input) => (input.for === undefined) !== (input.until === undefined), {
    error: ONE_OF_FOR_AND_UNTIL,
  });

export const signalInputSchema = z.strictObject({ name: text.min(1).max(200) });

export const failInputSchema = z.strictObject({
  message: text,
  code: text
    .regex(/^[a-z][a-z0-9_]*$/, 'must be lower case letters, digits and underscores')
    .max(100)
    .optional(),
});

const NO_ERRORS: readonly DefinitionError[] = [];

const ONCE: RetryPolicy = {
  maxAttempts: 1,
  initialDelayMs: 1_000,
  factor: 2,
  maxDelayMs: 60_000,
  jitter: 'full',
  nonRetryable: [],
};

const engineKind = {
  isInputRequired: false,
  settings: [],
  timeoutMs: undefined,
  retry: ONCE,
  effect: 'pure',
  queueOf: undefined,
  checkWritten: () => NO_ERRORS,
} as const satisfies Partial<StepKind>;

export const STEP_KINDS: Readonly<Record<StepKindName, StepKind>> = {
  shell: {
    inputSchema: shellInputSchema,
    isInputRequired: false,
    settings: ['timeout', 'heartbeat', 'retry', 'effect'],
    timeoutMs: 600_000,
    retry: ONCE,
    effect: 'idempotent',
    queueOf: (input) => `shell:${binaryOf(input) ?? ''}`,
    checkWritten: checkShell,
  },
  transform: { ...engineKind, inputSchema: transformInputSchema, isInputRequired: true },
  wait: { ...engineKind, inputSchema: waitInputSchema, checkWritten: checkWait },
  signal: { ...engineKind, inputSchema: signalInputSchema, settings: ['timeout', 'retry'] },
  fail: { ...engineKind, inputSchema: failInputSchema },
};

/** Kinds of the full language that this version cannot run yet. */
export const LATER_STEP_KINDS: readonly string[] = [
  'http',
  'mcp',
  'agent',
  'llm',
  'approval',
  'workflow',
  'vote',
  'vector.search',
  'vector.upsert',
  'vikunja.create_task',
  'vikunja.update_task',
];

export function isStepKindName(name: unknown): name is StepKindName {
  return (STEP_KIND_NAMES as readonly unknown[]).includes(name);
}

// The binary decides who may run the step, so that no value of a run may choose it.
function checkShell(input: Json): readonly DefinitionError[] {
  if (typeof input === 'string' && input.includes('${{')) {
    return [{ path: '', message: 'must be written out: its first command word names the binary' }];
  }
  if (!isJsonObject(input)) return [];
  if (typeof input.command === 'string') {
    return [{ path: 'command', message: 'must be a list: the binary, then its arguments' }];
  }
  const binary = binaryOf(input);
  if (binary === undefined) return [];
  const path = 'command[0]';
  if (binary.includes('${{')) {
    return [{ path, message: 'names the binary and cannot hold an expression' }];
  }
  return binary.trim() === '' ? [{ path, message: 'names the binary and cannot be empty' }] : [];
}

// The schema asks this only of values that are right in themselves, which an expression is not yet.
function checkWait(input: Json): readonly DefinitionError[] {
  if (!isJsonObject(input) || (input.for === undefined) !== (input.until === undefined)) return [];
  return [{ path: '', message: ONE_OF_FOR_AND_UNTIL }];
}

function binaryOf(input: Json): string | undefined {
  const command = isJsonObject(input) ? input.command : undefined;
  const [binary] = Array.isArray(command) ? command : [];
  return typeof binary === 'string' ? binary : undefined;
}
