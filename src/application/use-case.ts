import type { Violation } from '../domain/definition/definition-error.ts';
import type { Breakers } from '../ports/breakers.ts';
import type { Clock } from '../ports/clock.ts';
import type { IdSource } from '../ports/id-source.ts';
import type { LoadedKindSource } from '../ports/loaded-kind.ts';
import type { RepositoryReader } from '../ports/repository-reader.ts';
import type { Store } from '../ports/store.ts';
import type { Scope } from './access/access.ts';
import type { ExecuteCommand } from './commands/execute-command.ts';
import type { PlanCache } from './commands/plan-cache.ts';
import type { RunCache } from './commands/run-cache.ts';

/** What every use case is made from. */
export interface ApplicationPorts {
  readonly store: Store;
  readonly execute: ExecuteCommand;
  readonly runs: RunCache;
  readonly plans: PlanCache;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly repositories: RepositoryReader;
  /** Absolute directory that relative paths of runs started here begin from. */
  readonly workspace: string;
  /** Default: none. */
  readonly loadedKinds?: LoadedKindSource;
  /** Of this process. Default: none. */
  readonly breakers?: Breakers;
}

/** Who calls, on whose behalf. */
export interface CallContext {
  readonly tenant: string;
  /** What the caller may do. */
  readonly scopes: ReadonlySet<Scope>;
  /** `client:<name>`, `cli`, …: stands in every event the call causes. */
  readonly actor: string;
  /** Id of the request, for the event's causation. */
  readonly causationId: string;
  readonly traceparent?: string;
  /** Aborts when the caller is gone. Ends a wait; never cancels a run. */
  readonly signal?: AbortSignal;
}

export interface UseCaseError {
  /** Lower case with underscores. */
  readonly code: string;
  /** What happened. */
  readonly message: string;
  /** Whether anything was changed; `unknown` when the store did not answer. */
  readonly changed: 'nothing' | 'unknown';
  /** What to do next. Never a destructive way out. */
  readonly next: string;
  readonly violations?: readonly (Violation & { readonly suggestion?: string })[];
}

export type UseCaseResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: UseCaseError };

/** One thing a caller can do; `Input` has been parsed by the use case's schema. */
export type UseCase<Input, Value> = (
  context: CallContext,
  input: Input,
) => Promise<UseCaseResult<Value>>;
