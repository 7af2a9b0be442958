import type { PostponeStep } from '../../domain/commands.ts';
import type { Json } from '../../domain/json.ts';
import type { PlannedStep } from '../../domain/plan.ts';
import type { StepState } from '../../domain/state.ts';
import type { Breakers, OpenBreaker, Passage } from '../../ports/breakers.ts';
import type { Logger } from '../../ports/logger.ts';
import type { StepHandler, StepOutcome } from '../../ports/step-handler.ts';
import type { ClaimedTask } from '../../ports/work-source.ts';
import type { StopReason } from './attempt-guard.ts';
import { taskInput } from './task-input.ts';
import { attemptOf } from './task-report.ts';
import { readStoredTarget, storedTarget } from '../access/tenant-names.ts';

export interface GatePorts {
  readonly handlers: ReadonlyMap<string, StepHandler>;
  readonly logger: Logger;
  /** Default: none, and every attempt runs. */
  readonly breakers?: Breakers;
}

/** One attempt's way through the breaker of what it talks to, its tenant's own. Whoever makes one must `leave` it. */
export class TargetGate {
  readonly #ports: GatePorts;
  readonly #tenant: string;
  #target: string | undefined;
  #passage: Passage | undefined;
  #isProbe = false;

  constructor(ports: GatePorts, tenant: string) {
    this.#ports = ports;
    this.#tenant = tenant;
  }

  /** There is a breaker to tell; of most steps there is none. */
  get isWatched(): boolean {
    return this.#passage !== undefined;
  }

  /** `undefined`: the attempt may run. Else why not now. */
  enter(step: PlannedStep, record: StepState): OpenBreaker | undefined {
    this.#target = this.#targetOf(step, record);
    if (this.#target === undefined) return undefined;
    const entry = this.#ports.breakers?.enter(this.#target);
    if (entry?.kind === 'refused') return asTenantKnows(entry.breaker);
    this.#passage = entry?.passage;
    this.#isProbe = entry?.isProbe ?? false;
    return undefined;
  }

  /**
   * Says what the attempt tells of its target. Answers the breaker when the attempt was the trial of a target that is
   * still down: it was run for the breaker's sake, and is not to cost the step anything.
   */
  async judge(
    outcome: StepOutcome,
    stopReason: StopReason | undefined,
  ): Promise<OpenBreaker | undefined> {
    const fault = faultIn(outcome, stopReason);
    if (fault === undefined) {
      if (saysItAnswered(outcome, stopReason)) await this.#passage?.succeeded();
      return undefined;
    }
    await this.#passage?.failed(fault);
    const breaker = this.#isProbe ? this.#ports.breakers?.find(this.#target ?? '') : undefined;
    return breaker && asTenantKnows(breaker);
  }

  /** An attempt that said nothing of its target, or never ran. */
  async leave(): Promise<void> {
    await this.#passage?.abandoned();
  }

  #targetOf(step: PlannedStep, record: StepState): string | undefined {
    const handler = this.#ports.handlers.get(step.uses);
    if (handler?.target === undefined) return undefined;
    try {
      const target = handler.target(taskInput(step, record));
      return target && storedTarget(this.#tenant, target);
    } catch (error) {
      // It only names what the breaker is for: the attempt runs without one, as if there were none.
      const { logger } = this.#ports;
      logger.warn({ kind: step.uses, error: String(error) }, 'a step has no usable target');
      return undefined;
    }
  }
}

function asTenantKnows(breaker: OpenBreaker): OpenBreaker {
  return { ...breaker, target: readStoredTarget(breaker.target).name };
}

function isLate(stopReason: StopReason | undefined): boolean {
  return stopReason === 'timeout' || stopReason === 'heartbeat_timeout';
}

/** What the target did wrong, for people. */
function faultIn(outcome: StepOutcome, stopReason: StopReason | undefined): string | undefined {
  if (outcome.kind === 'completed') return undefined;
  if (isLate(stopReason)) return 'an attempt ran out of time';
  const { code, message, targetFailure } = outcome.error;
  return stopReason === undefined && targetFailure === true ? `${code}: ${message}` : undefined;
}

/** A handler that failed in its own words has heard the target; what else it throws may be a mistake of its own. */
function saysItAnswered(outcome: StepOutcome, stopReason: StopReason | undefined): boolean {
  if (outcome.kind === 'completed') return true;
  return stopReason === undefined && outcome.error.code !== 'handler_error';
}

/** The command that puts an attempt off until the breaker lets the next call try. */
export function postponementOf(
  task: ClaimedTask,
  { target, sinceMs, lastError, nextProbeAtMs }: OpenBreaker,
  more: { readonly nowMs: number; readonly heartbeat: Json | undefined },
): PostponeStep {
  return {
    type: 'PostponeStep',
    ...attemptOf(task),
    ...{ target, sinceMs, reason: lastError },
    delayMs: Math.max(0, Math.ceil(nextProbeAtMs - more.nowMs)),
    ...(more.heartbeat !== undefined && { heartbeat: more.heartbeat }),
  };
}
