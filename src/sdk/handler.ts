/**
 * `baton-mcp/handler`: step kinds of your own.
 *
 * A file that exports what `defineHandler` returns, named by the setting `handlers`, gives every Baton process that loads
 * it a new step kind. Nothing here reads or changes a store: the engine claims a step, calls `run` and records what it
 * returns or throws. If the process dies midway the step is run again by whoever takes it over, with the same
 * `context.idempotencyKey` and the last heartbeat in `context.lastHeartbeat`; hence `effect`.
 */
import { z } from 'zod';
import { durationSchema, type DurationText } from '../domain/definition/duration.ts';
import {
  declaredKindNameSchema,
  queueSuffixSchema,
} from '../domain/definition/kind-declaration.ts';
import { formatPath } from '../domain/definition/json-path.ts';
import { EFFECT_CLASSES, type EffectClass } from '../domain/definition/step-kind.ts';
import { LATER_STEP_KINDS } from '../domain/definition/step-kinds.ts';
import { retrySchema, type RetryDefinition } from '../domain/definition/workflow-definition.ts';
import type { StepContext } from '../ports/step-handler.ts';
import { declareKind } from './handler/declare-kind.ts';
import { HANDLER_API_VERSION, HANDLER_BRAND, type Handler } from './handler/handler-object.ts';
import {
  readerOf,
  type HandlerSchema,
  type ReadBy,
  type WrittenFor,
} from './handler/handler-schema.ts';

export { z } from 'zod';
export { StepFailure, type StepFailureOptions } from './handler/step-failure.ts';
export type { Handler } from './handler/handler-object.ts';
export type { HandlerSchema } from './handler/handler-schema.ts';
export type { Json, JsonObject } from '../domain/json.ts';
export type { StepContext } from '../ports/step-handler.ts';

const MAX_DESCRIPTION_CHARS = 500;

export interface HandlerDefinition<In extends HandlerSchema, Out extends HandlerSchema> {
  /** At least two lower case words with a dot between: `acme.deploy`. */
  readonly kind: string;
  /** For those who choose among kinds; at most 500 characters. Default: the name. */
  readonly description?: string;
  /** Of the step's `with`, after its expressions. Default: anything. */
  readonly input?: In;
  /** The contract of the output of steps that write no `outputSchema`. Default: none. */
  readonly output?: Out;
  /** Of one attempt, as text (`90s`, `1h`) or in milliseconds. Default: 10 minutes. */
  readonly timeout?: DurationText;
  /** The longest pause between two heartbeats. Default: no heartbeat is asked for. */
  readonly heartbeat?: DurationText;
  /** As a step writes it. Default: one attempt. */
  readonly retry?: RetryDefinition;
  /**
   * What a repetition does: `pure`, `idempotent`, `keyed` (the target honours the idempotency key) or `unsafe` (never
   * repeated by itself when its outcome is unknown). Default: idempotent.
   */
  readonly effect?: EffectClass;
  /** Sets this kind's steps apart, e.g. for machines with a GPU: `gpu` makes their queue `handler:acme.deploy@gpu`. */
  readonly queue?: string;
  /**
   * Computes for more than some milliseconds at a stretch: attempts run in threads of their own, at most one a core, so that
   * nothing else waits for them. Each thread loads the file anew; nothing is shared with other attempts, and the process
   * cannot change its directory or end there. A thread that needs more memory than its share, or that goes on 5 s after
   * `context.signal` aborted, is ended, and its attempt has failed. Code that computes without a pause sees an abort when
   * it reads `context.signal` anew or calls `context.heartbeat`. Default: false.
   */
  readonly cpuBound?: boolean;
  /**
   * Names what an attempt with this input talks to: `host:api.example.com`, `mcp:files`, `model:gpt-5` (a word, a colon, a
   * name without spaces; people see it, so no secrets). A worker keeps one circuit breaker a target: after five failures
   * in a row (StepFailure with `targetFailure`, a network error that was thrown, a time limit) it puts attempts off, which
   * costs none of the step's `retry`, and lets one through from time to time. `undefined`: none. Default: none.
   */
  readonly target?: (input: ReadBy<In>) => string | undefined;
  /**
   * Does the work of one attempt. What it returns is recorded as JSON (`undefined` as null) once the engine has checked
   * it. Must end soon after `context.signal` aborts, its effects stopped: Baton waits 5 s and then gives it up. Standard
   * output is not its own: there `console` writes to standard error.
   */
  run(context: StepContext, input: ReadBy<In>): Promise<WrittenFor<Out>> | WrittenFor<Out>;
}

const functionSchema = z.custom<unknown>((value) => typeof value === 'function', {
  error: 'expected a function',
});

const settingsSchema = z.strictObject({
  kind: declaredKindNameSchema.refine((name) => !LATER_STEP_KINDS.includes(name), {
    error: 'is a name that Baton keeps for itself',
  }),
  description: z.string().trim().min(1).max(MAX_DESCRIPTION_CHARS).optional(),
  input: z.custom<HandlerSchema>().optional(),
  output: z.custom<HandlerSchema>().optional(),
  timeout: durationSchema.optional(),
  heartbeat: durationSchema.optional(),
  retry: retrySchema.optional(),
  effect: z.enum(EFFECT_CLASSES).optional(),
  queue: queueSuffixSchema.optional(),
  cpuBound: z.boolean().optional(),
  target: functionSchema.optional(),
  run: functionSchema,
});

/**
 * Defines a step kind. What it declares is pinned in each definition that uses the kind when that is registered: runs
 * keep what they started with, and a changed declaration gives a new version at the next registration. What JSON Schema
 * cannot say of a zod schema (`refine`, `transform`) holds for inputs only. Throws TypeError with every mistake. Does
 * nothing else: the kind exists where the setting `handlers` names the file.
 */
export function defineHandler<
  In extends HandlerSchema = boolean,
  Out extends HandlerSchema = boolean,
>(definition: HandlerDefinition<In, Out>): Handler {
  const settings = settingsSchema.safeParse(definition);
  if (!settings.success) throw refusal(definition, settings.error.issues.map(describeIssue));
  const { kind, description = kind } = settings.data;
  const { target } = definition;
  try {
    return {
      [HANDLER_BRAND]: HANDLER_API_VERSION,
      kind,
      description,
      declaration: declareKind(settings.data),
      cpuBound: settings.data.cpuBound ?? false,
      readInput: readerOf(settings.data.input ?? true),
      // `readInput` is the one source of what they are called with, as the interface asks.
      ...(target && { target: (input: unknown) => target(input as ReadBy<In>) }),
      run: (context, input) => definition.run(context, input as ReadBy<In>),
    };
  } catch (error) {
    throw refusal(definition, [error instanceof Error ? error.message : String(error)]);
  }
}

function describeIssue({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${formatPath(path)}: ${message}`;
}

function refusal({ kind }: { readonly kind: unknown }, problems: readonly string[]): TypeError {
  const name = typeof kind === 'string' ? JSON.stringify(kind) : '';
  return new TypeError(`defineHandler(${name}): ${problems.join('; ')}`);
}
