import type { KindDeclaration } from '../../domain/definition/kind-declaration.ts';
import type { StepContext } from '../../ports/step-handler.ts';
import type { ReadInput } from './handler-schema.ts';

/** Registered for the whole process, so that handlers made by another copy of this package are known as such. */
export const HANDLER_BRAND = Symbol.for('baton-mcp/handler');
/** Grows when what Baton needs of a handler changes. */
export const HANDLER_API_VERSION = 1;

/** A handler as Baton loads it. Made by `defineHandler` only. */
export interface Handler {
  readonly [HANDLER_BRAND]: number;
  readonly kind: string;
  readonly description: string;
  readonly declaration: KindDeclaration;
  /** Its attempts run in threads. Absent in handlers of earlier versions: no. */
  readonly cpuBound?: boolean;
  /** Checks a `with` by the input schema and fills in its defaults. */
  readInput(value: StepContext['input']): ReadInput;
  /** Only with what `readInput` gave. Absent: it has no target. */
  readonly target?: (input: unknown) => unknown;
  /** Only with what `readInput` gave. */
  run(context: StepContext, input: unknown): unknown;
}

/** Whether `defineHandler` made it, of whatever version. */
export function isHandler(value: unknown): value is Handler {
  return typeof value === 'object' && value !== null && HANDLER_BRAND in value;
}
