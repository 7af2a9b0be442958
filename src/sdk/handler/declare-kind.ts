import { applyRetry } from '../../domain/definition/apply-retry.ts';
import { canonicalJson } from '../../domain/definition/canonical-json.ts';
import { durationMs, type DurationText } from '../../domain/definition/duration.ts';
import type { KindDeclaration } from '../../domain/definition/kind-declaration.ts';
import { ONCE, type EffectClass } from '../../domain/definition/step-kind.ts';
import type { RetryDefinition } from '../../domain/definition/workflow-definition.ts';
import { toJsonSchema, type HandlerSchema } from './handler-schema.ts';

const DEFAULT_TIMEOUT_MS = 600_000;

export interface KindSettings {
  readonly input?: HandlerSchema | undefined;
  readonly output?: HandlerSchema | undefined;
  readonly timeout?: DurationText | undefined;
  readonly heartbeat?: DurationText | undefined;
  readonly retry?: RetryDefinition | undefined;
  readonly effect?: EffectClass | undefined;
  readonly queue?: string | undefined;
}

/** What definitions pin of a handler: complete, so that a default which changes later changes no run. */
export function declareKind(settings: KindSettings): KindDeclaration {
  const { input, output, timeout, heartbeat, retry, effect, queue } = settings;
  const policy = applyRetry(ONCE, retry);
  const declaration: KindDeclaration = {
    input: named('input', input ?? true),
    ...(output !== undefined && { output: named('output', output) }),
    timeoutMs: timeout === undefined ? DEFAULT_TIMEOUT_MS : durationMs(timeout),
    ...(heartbeat !== undefined && { heartbeatMs: durationMs(heartbeat) }),
    retry: { ...policy, nonRetryable: [...policy.nonRetryable] },
    effect: effect ?? 'idempotent',
    ...(queue !== undefined && { queue }),
  };
  if (canonicalJson(declaration) === undefined) throw new Error('a schema in it is not plain JSON');
  return declaration;
}

function named(key: 'input' | 'output', schema: HandlerSchema): KindDeclaration['input'] {
  try {
    return toJsonSchema(schema);
  } catch (error) {
    throw new Error(`${key}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
