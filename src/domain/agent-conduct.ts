import { z } from 'zod';

/** In a row, after which an agent is given no more tasks but one from time to time. */
export const MAX_AGENT_FAILURES = 5;
/** Before each trial; the last one repeats. */
const TRIAL_PAUSES_MS = [60_000, 120_000, 300_000, 900_000] as const;

export const agentConductSchema = z.object({
  /** Tasks in a row that it failed, gave back or let lapse. */
  failures: z.number().int(),
  lastError: z.string(),
  /** Present: it is held back, since then. */
  heldBackSinceMs: z.number().optional(),
  nextTrialAtMs: z.number().optional(),
  /** Trials that failed. */
  trials: z.number().int().optional(),
  /** The trial under way; without a task while one is looked for. Over in any case at `untilMs`. */
  trial: z.object({ task: z.string().optional(), untilMs: z.number() }).optional(),
});
/** How an agent did lately: a circuit breaker whose state all processes share. Absent: nothing is held against it. */
export type AgentConduct = Readonly<z.infer<typeof agentConductSchema>>;

export type Standing =
  | { readonly kind: 'free' }
  /** The next task is the trial. */
  | { readonly kind: 'due' }
  | { readonly kind: 'held_back'; readonly untilMs: number; readonly isTrialUnderWay: boolean };

export function standingOf(conduct: AgentConduct | undefined, nowMs: number): Standing {
  if (conduct?.heldBackSinceMs === undefined) return { kind: 'free' };
  const { trial, nextTrialAtMs = nowMs } = conduct;
  if (trial !== undefined && trial.untilMs > nowMs)
    return { kind: 'held_back', untilMs: trial.untilMs, isTrialUnderWay: true };
  if (nextTrialAtMs > nowMs)
    return { kind: 'held_back', untilMs: nextTrialAtMs, isTrialUnderWay: false };
  return { kind: 'due' };
}

/**
 * It failed a task, gave it back or let it lapse. Tasks that it held when it was held back lengthen no pause: only the
 * trial does.
 */
export function afterFailure(
  conduct: AgentConduct | undefined,
  { task, error, nowMs }: { readonly task: string; readonly error: string; readonly nowMs: number },
): AgentConduct {
  const failures = (conduct?.failures ?? 0) + 1;
  const counted = { ...conduct, failures, lastError: error };
  if (failures < MAX_AGENT_FAILURES) return counted;
  const isTrial = conduct?.trial?.task === task;
  if (conduct?.heldBackSinceMs !== undefined && !isTrial) return counted;
  const trials = (conduct?.trials ?? 0) + (isTrial ? 1 : 0);
  const pauseMs = TRIAL_PAUSES_MS[Math.min(trials, TRIAL_PAUSES_MS.length - 1)] ?? 0;
  return {
    failures,
    lastError: error,
    heldBackSinceMs: conduct?.heldBackSinceMs ?? nowMs,
    nextTrialAtMs: nowMs + pauseMs,
    trials,
  };
}

/** Of several calls at once one gets it: who writes this first. */
export function withTrial(
  conduct: AgentConduct,
  trial: { readonly task?: string; readonly untilMs: number } | undefined,
): AgentConduct {
  if (trial !== undefined) return { ...conduct, trial };
  return agentConductSchema.omit({ trial: true }).parse(conduct);
}
