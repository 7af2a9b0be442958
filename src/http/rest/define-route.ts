import type { z } from 'zod';
import type { Caller, Scope } from '../../application/access/access.ts';
import { REQUIRED_SCOPES, type Application } from '../../application/application.ts';
import type { CallContext, UseCaseResult } from '../../application/use-case.ts';
import type { ErrorCode } from '../error-statuses.ts';
import { readInput, type RawInput } from './read-input.ts';

/** Where the routes are mounted: links begin with it. */
export const REST_PATH = '/api/v1';

export const TAGS = {
  workflows: 'Start, watch and steer runs',
  approvals: 'What waits for people',
  definitions: 'What can be started',
  agents: 'Who works',
  tasks: 'Claim and report work, without MCP',
  operations: 'Health, messages, live events, this document',
} as const;
export type Tag = keyof typeof TAGS;

export interface RouteContext extends CallContext {
  readonly caller: Caller;
  /** As sent, where the route takes it. */
  readonly idempotencyKey?: string;
  /** Abort when the caller is gone or the server shuts down, as `signal` does, which ends with the answer. */
  readonly endings: readonly AbortSignal[];
  /** The server shuts down: what is endless says so when it ends. */
  readonly isShutDown: () => boolean;
  /** Logs what went wrong after the answer had begun. */
  readonly reportDefect: (error: unknown) => void;
  header(name: string): string | undefined;
  /** The best of the route's types for the caller. */
  readonly accepted: string;
}

export interface RouteInput<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

type Headers = Readonly<Record<string, string>>;

export type RouteAnswer<Answer> =
  | { readonly status: 200 | 201; readonly body: Answer; readonly headers?: Headers }
  | { readonly status: 304; readonly headers: Headers }
  /** In the other type that the route has. */
  | {
      readonly status: 200;
      readonly content: string | ReadableStream<Uint8Array>;
      readonly headers?: Headers;
    };

export interface RouteDefinition<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodObject,
  Answer,
> {
  /** The tool's name, where a tool does the same: what use cases advise (rest-words.ts) finds its operation by it. */
  readonly name: string;
  readonly method: 'GET' | 'POST';
  /** OpenAPI template below REST_PATH. */
  readonly path: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  /** What it calls: its scope is asked of the caller there. Absent: anyone who was let in. */
  readonly useCase?: keyof Application;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Of `body`; checked by a test. */
  readonly example?: z.input<Body>;
  /** A body of this type is the text of that field of `body`. */
  readonly textBody?: readonly [type: string, field: string];
  readonly takesIdempotencyKey?: true;
  /** What each success means. */
  readonly statuses: Readonly<Partial<Record<200 | 201 | 304, string>>>;
  /** Name of the answer's schema in the document, and the schema. Absent: it never answers JSON. */
  readonly answer?: readonly [name: string, schema: z.ZodType<Answer>];
  /** Media type that it can answer beside JSON. */
  readonly otherType?: string;
  /** Headers of successes. */
  readonly headers?: Headers;
  /** Headers that it reads. */
  readonly reads?: Headers;
  /** Its own, beside those of every route. */
  readonly errors: readonly ErrorCode[];
  run(
    application: Application,
    context: RouteContext,
    input: RouteInput<z.infer<Params>, z.infer<Query>, z.infer<Body>>,
  ): Promise<UseCaseResult<RouteAnswer<Answer>>>;
}

/** A route as the table and the document have it. */
export interface Route extends Omit<
  RouteDefinition<z.ZodObject, z.ZodObject, z.ZodObject, unknown>,
  'run' | 'answer' | 'example'
> {
  readonly example?: unknown;
  readonly answer?: readonly [name: string, schema: z.ZodType];
  readonly scope?: Scope;
  /** Checks what was sent, and runs. */
  call(
    application: Application,
    context: RouteContext,
    raw: RawInput,
  ): Promise<UseCaseResult<RouteAnswer<unknown>>>;
}

export function defineRoute<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodObject,
  Answer,
>(definition: RouteDefinition<Params, Query, Body, Answer>): Route {
  const { useCase, ...rest } = definition;
  return {
    ...rest,
    ...(useCase && { useCase, scope: REQUIRED_SCOPES[useCase] }),
    call: async (application, context, raw) => {
      const read = readInput(definition, raw);
      return read.ok ? definition.run(application, context, read.value) : read;
    },
  };
}

/** Whether anything may be sent in this part. */
export function takes(part: z.ZodObject): boolean {
  return Object.keys(part.shape).length > 0;
}
