import { z } from 'zod';
import { isJsonObject, type JsonObject } from '../json.ts';
import { MAX_ATTEMPTS, MAX_DURATION_MS, MAX_NAME_LENGTH } from './definition-limits.ts';
import { EFFECT_CLASSES } from './step-kind.ts';

/** Names of third parties' step kinds: always with a dot, unlike those of the built-in ones. */
export const DECLARED_KIND_NAME = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/;
/** After the kind's name in its queue. */
const QUEUE_SUFFIX = /^[a-z0-9][a-z0-9_-]{0,63}$/;

export const declaredKindNameSchema = z
  .string()
  .max(MAX_NAME_LENGTH)
  .regex(DECLARED_KIND_NAME, 'must be lower case words with a dot between, e.g. "acme.deploy"');

export const queueSuffixSchema = z
  .string()
  .regex(QUEUE_SUFFIX, 'must be lower case letters, digits, hyphens and underscores, at most 64');

const jsonSchema = z.custom<JsonObject | boolean>(
  (value) => typeof value === 'boolean' || isJsonObject(value),
  { error: 'expected a JSON Schema' },
);
const durationMs = z.int().min(0).max(MAX_DURATION_MS);

/**
 * What the engine has to know of a third party's step kind. Pinned in every definition that uses the kind, so that any
 * process can plan and fold the run, with or without the handler, and so that a run keeps what it started with.
 */
export const kindDeclarationSchema = z.strictObject({
  /** Of the evaluated `with`. */
  input: jsonSchema,
  /** The contract of the output of steps that write none of their own. */
  output: jsonSchema.optional(),
  timeoutMs: durationMs,
  heartbeatMs: durationMs.optional(),
  retry: z.strictObject({
    maxAttempts: z.int().min(1).max(MAX_ATTEMPTS),
    initialDelayMs: durationMs,
    factor: z.number().min(1).max(100),
    maxDelayMs: durationMs,
    jitter: z.enum(['full', 'none']),
    nonRetryable: z.array(z.string().min(1).max(MAX_NAME_LENGTH)).max(100),
  }),
  effect: z.enum(EFFECT_CLASSES),
  /** See `handlerQueue`. */
  queue: queueSuffixSchema.optional(),
});

export type KindDeclaration = z.infer<typeof kindDeclarationSchema>;

/** Third parties' kinds by name: those that a process has loaded, or those that a definition pins. */
export type DeclaredKinds = Readonly<Record<string, KindDeclaration>>;

const PREFIX = 'handler:';

/** Names its kind, so that no worker ever claims a step of a kind that it has not loaded. */
export function handlerQueue(kind: string, suffix: string | undefined): string {
  return `${PREFIX}${kind}${suffix === undefined ? '' : `@${suffix}`}`;
}

/** The inverse of `handlerQueue`; `undefined` for other queues. */
export function kindOfHandlerQueue(queue: string): string | undefined {
  return queue.startsWith(PREFIX) ? queue.slice(PREFIX.length).split('@')[0] : undefined;
}
