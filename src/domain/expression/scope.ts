import type { Json } from '../json.ts';

/** What an expression may read of a step. */
export interface StepView {
  readonly status: string;
  readonly output: Json;
  readonly error: Json;
  readonly attempts: number;
}

/** Everything an expression may read. Values are never changed by an evaluation. */
export interface Scope {
  readonly input: Json;
  readonly run: { readonly id: string; readonly name: string; readonly startedAt: string };
  readonly env: Readonly<Record<string, string>>;
  /** Called lazily, and only for ids that the expression refers to. */
  step(id: string): StepView | undefined;
  /** What `success()` answers. */
  readonly succeeded: boolean;
  /** What `failure()` answers; `always()` is true. */
  readonly failed: boolean;
}

export type Evaluation<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };
