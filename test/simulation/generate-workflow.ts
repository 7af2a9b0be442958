import type { EffectClass } from '../../src/domain/definition/step-kind.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { drawScript, NEVER_RETRIED, type ShellScript } from './behaviour.ts';
import { conditionText, drawCondition, type Condition } from './condition.ts';
import {
  drawPeopleWork,
  writeAgent,
  writeApproval,
  type AgentWork,
  type ApprovalWork,
  type Cast,
} from './generate-people.ts';
import type { Random } from './random.ts';
import { START_MS } from './virtual-time.ts';

export const BINARIES = ['alpha', 'beta'] as const;
export const SIGNAL_NAMES = ['go', 'ready'] as const;
export const DEFAULT_SHELL_TIMEOUT_MS = 600_000;

export interface RetryModel {
  readonly maxAttempts: number;
  readonly initialDelayMs: number;
  readonly factor: number;
  readonly maxDelayMs: number;
  readonly jitter: 'full' | 'none';
  readonly nonRetryable: readonly string[];
}

export type StepWork =
  | {
      readonly kind: 'shell';
      readonly script: ShellScript;
      readonly effect: EffectClass;
      readonly timeoutMs: number;
      readonly hasContract: boolean;
      /** The step whose status is its argument. */
      readonly reads: string | undefined;
    }
  | { readonly kind: 'transform'; readonly v: number; readonly copies: Copy | undefined }
  | { readonly kind: 'wait'; readonly forMs: number }
  | { readonly kind: 'wait'; readonly untilMs: number }
  | { readonly kind: 'signal'; readonly name: string; readonly timeoutMs: number | undefined }
  | { readonly kind: 'fail'; readonly code: string | undefined }
  | AgentWork
  | ApprovalWork;

/** Copies a step's output, or its field `v`, which not every output has. */
export interface Copy {
  readonly step: string;
  readonly field: boolean;
}

export interface StepModel {
  readonly id: string;
  readonly needs: readonly string[];
  readonly condition: Condition | undefined;
  readonly retry: RetryModel;
  readonly work: StepWork;
}

/** A workflow twice: as the definition that Baton is given, and as what the reference model knows of it. */
export interface WorkflowModel {
  readonly name: string;
  readonly onFailure: 'stop' | 'continue';
  /** In the order of the definition. */
  readonly steps: readonly StepModel[];
  /** What `output` copies, by key. */
  readonly output: Readonly<Record<string, Copy>>;
  readonly definition: JsonObject;
}

const ONCE: RetryModel = {
  maxAttempts: 1,
  initialDelayMs: 1_000,
  factor: 2,
  maxDelayMs: 60_000,
  jitter: 'full',
  nonRetryable: [],
};

export function drawWorkflow(random: Random, name: string, cast: Cast): WorkflowModel {
  const steps: StepModel[] = [];
  const count = random.chance(0.5) ? random.int(1, 4) : random.int(2, 12);
  for (let at = 1; at <= count; at += 1) steps.push(drawStep(random, `s${at}`, steps, cast));
  const onFailure = random.pick<'stop' | 'continue'>(['stop', 'continue']);
  const output = drawOutput(random, steps);
  // A definition may name a step before those it needs.
  const ordered = random.chance(0.3) ? random.sample(steps, 1) : steps;
  const definition: JsonObject = {
    name,
    ...(onFailure === 'stop' && random.chance(0.5) ? {} : { onFailure }),
    steps: ordered.map(writeStep),
    ...(Object.keys(output).length > 0 && {
      output: Object.fromEntries(
        Object.entries(output).map(([key, copy]) => [key, writeCopy(copy)]),
      ),
    }),
  };
  return { name, onFailure, steps: ordered, output, definition };
}

function drawStep(
  random: Random,
  id: string,
  earlier: readonly StepModel[],
  cast: Cast,
): StepModel {
  const ids = earlier.map((step) => step.id);
  const needs = random.sample(ids, random.pick([0.1, 0.3, 0.6])).slice(0, 4);
  const isForPeople = cast === 'agents' && random.chance(0.5);
  const work = isForPeople ? drawPeopleWork(random) : drawWork(random, needs);
  const isRetried = work.kind === 'shell' || work.kind === 'signal' || work.kind === 'agent';
  return {
    id,
    needs,
    condition: random.chance(0.35) ? drawCondition(random, needs) : undefined,
    retry: isRetried && random.chance(0.7) ? drawRetry(random) : ONCE,
    work,
  };
}

function drawWork(random: Random, needs: readonly string[]): StepWork {
  const roll = random.next();
  if (roll < 0.55) return drawShell(random, needs);
  if (roll < 0.68)
    return { kind: 'transform', v: random.int(0, 6), copies: drawCopy(random, needs, 0.3) };
  if (roll < 0.76) return { kind: 'wait', forMs: random.pick([0, random.int(1, 20_000)]) };
  if (roll < 0.81) return { kind: 'wait', untilMs: START_MS + random.int(-10_000, 60_000) };
  if (roll < 0.95)
    return {
      kind: 'signal',
      name: random.pick(SIGNAL_NAMES),
      timeoutMs: random.chance(0.5) ? random.int(0, 20_000) : undefined,
    };
  return { kind: 'fail', code: random.chance(0.5) ? 'on_purpose' : undefined };
}

function drawShell(random: Random, needs: readonly string[]): StepWork {
  const canHang = random.chance(0.4);
  // Compiling a JSON Schema is the dearest part of a definition: few steps have one.
  const hasContract = random.chance(0.06);
  return {
    kind: 'shell',
    script: drawScript(random, { canHang, hasContract }),
    effect: random.pick(['idempotent', 'pure', 'keyed', 'unsafe']),
    timeoutMs: canHang ? random.int(1_000, 20_000) : DEFAULT_SHELL_TIMEOUT_MS,
    hasContract,
    reads: random.chance(0.3) ? needs[0] : undefined,
  };
}

function drawRetry(random: Random): RetryModel {
  return {
    maxAttempts: random.int(1, 4),
    initialDelayMs: random.pick([0, random.int(1, 3_000)]),
    factor: random.int(1, 3),
    maxDelayMs: random.int(100, 8_000),
    jitter: random.pick(['full', 'none']),
    nonRetryable: random.chance(0.5) ? [NEVER_RETRIED] : [],
  };
}

function drawCopy(random: Random, ids: readonly string[], field: number): Copy | undefined {
  const [first, ...rest] = ids;
  if (first === undefined || random.chance(0.4)) return undefined;
  return { step: random.pick([first, ...rest]), field: random.chance(field) };
}

function drawOutput(random: Random, steps: readonly StepModel[]): Record<string, Copy> {
  const ids = steps.map((step) => step.id);
  const copies = ['a', 'b'].flatMap((key) => {
    const copy = random.chance(0.4) ? drawCopy(random, ids, 0.2) : undefined;
    return copy === undefined ? [] : [[key, copy] as const];
  });
  return Object.fromEntries(copies);
}

function writeStep(step: StepModel): Json {
  const { id, needs, condition, retry, work } = step;
  return {
    id,
    uses: work.kind,
    ...(needs.length > 0 && { needs: [...needs] }),
    ...(condition && { if: `\${{ ${conditionText(condition)} }}` }),
    ...(retry !== ONCE && { retry: writeRetry(retry) }),
    ...writeWork(id, work),
  };
}

function writeRetry(retry: RetryModel): JsonObject {
  const { maxAttempts, initialDelayMs, factor, maxDelayMs, jitter, nonRetryable } = retry;
  return {
    maxAttempts,
    initialDelay: initialDelayMs,
    factor,
    maxDelay: maxDelayMs,
    jitter,
    nonRetryable: [...nonRetryable],
  };
}

function writeWork(id: string, work: StepWork): JsonObject {
  switch (work.kind) {
    case 'shell':
      return writeShell(id, work);
    case 'transform':
      return { with: { v: work.v, ...(work.copies && { copy: writeCopy(work.copies) }) } };
    case 'wait':
      return {
        with:
          'forMs' in work ? { for: work.forMs } : { until: new Date(work.untilMs).toISOString() },
      };
    case 'signal':
      return {
        with: { name: work.name },
        ...(work.timeoutMs !== undefined && { timeout: work.timeoutMs }),
      };
    case 'fail':
      return { with: { message: 'as told', ...(work.code !== undefined && { code: work.code }) } };
    case 'agent':
      return writeAgent(work);
    case 'approval':
      return writeApproval(work);
  }
}

function writeShell(id: string, work: Extract<StepWork, { kind: 'shell' }>): JsonObject {
  const binary = BINARIES[Number(id.slice(1)) % BINARIES.length] ?? BINARIES[0];
  const argument = work.reads === undefined ? 'alone' : `after \${{ steps.${work.reads}.status }}`;
  const { beatMs } = work.script;
  return {
    with: { command: [binary, argument] },
    effect: work.effect,
    ...(work.timeoutMs !== DEFAULT_SHELL_TIMEOUT_MS && { timeout: work.timeoutMs }),
    // Room for a beat that comes late because its worker was busy, none for one that hangs.
    ...(beatMs > 0 && { heartbeat: beatMs * 3 }),
    ...(work.hasContract && { outputSchema: { type: 'object', required: ['v'] } }),
  };
}

function writeCopy({ step, field }: Copy): string {
  return `\${{ steps.${step}.output${field ? '.v' : ''} }}`;
}
