import type { z } from 'zod';
import type { Json } from '../json.ts';
import type { RetryPolicy } from '../retry-policy.ts';
import type { DefinitionError } from './definition-error.ts';
import type { JsonSchemaValidator } from './json-schema.ts';

export const EFFECT_CLASSES = ['pure', 'idempotent', 'keyed', 'unsafe'] as const;
export type EffectClass = (typeof EFFECT_CLASSES)[number];

/** Keys of a step that only some kinds have a use for; elsewhere they are refused instead of ignored. */
export type KindSetting = 'timeout' | 'heartbeat' | 'retry' | 'effect';

/**
 * Who does the work: the engine in the decision itself, a worker of a Baton process, or an agent from outside, which
 * cannot be stopped and is not waited for.
 */
export type Performer = 'engine' | 'worker' | 'agent';

export interface StepKind {
  /** What the evaluated `with` must be. */
  readonly inputSchema: z.ZodType;
  /** A JSON Schema of it, which a third party declared; `inputSchema` then takes anything. */
  readonly inputContract?: JsonSchemaValidator | undefined;
  /** Of the output, where a step writes none of its own. */
  readonly outputContract?: JsonSchemaValidator | undefined;
  /** Whether `with` must be written; otherwise leaving it out means {}. */
  readonly isInputRequired: boolean;
  readonly settings: readonly KindSetting[];
  readonly performer: Performer;
  readonly timeoutMs: number | undefined;
  readonly heartbeatMs?: number | undefined;
  readonly retry: RetryPolicy;
  readonly effect: EffectClass;
  /** Unless the engine performs it: the queue, known from what `with` states without expressions. */
  readonly queueOf: ((input: Json) => string) | undefined;
  /** A JSON Schema of the output that stands in `with`, in place of the step's `outputSchema`. */
  readonly outputSchemaOf?: (input: Json) => Json | undefined;
  /** What must hold of `with` as written, before any evaluation; places are relative to `with`. */
  readonly checkWritten: (input: Json) => readonly DefinitionError[];
}

const NO_ERRORS: readonly DefinitionError[] = [];

/** Tried once, unless the step says otherwise. */
export const ONCE: RetryPolicy = {
  maxAttempts: 1,
  initialDelayMs: 1_000,
  factor: 2,
  maxDelayMs: 60_000,
  jitter: 'full',
  nonRetryable: [],
};

/** What all kinds that the engine performs have in common. */
export const ENGINE_KIND = {
  isInputRequired: false,
  settings: [],
  performer: 'engine',
  timeoutMs: undefined,
  retry: ONCE,
  effect: 'pure',
  queueOf: undefined,
  checkWritten: () => NO_ERRORS,
} as const satisfies Partial<StepKind>;
