import type { Random } from './random.ts';

/** What an attempt of a shell step does, decided before the run begins. */
export type Behaviour =
  | { readonly kind: 'success'; readonly afterMs: number; readonly v: number; readonly pad: number }
  | {
      readonly kind: 'failure';
      readonly afterMs: number;
      readonly code: string;
      readonly retryAfterMs?: number;
      readonly permanent?: true;
    }
  | { readonly kind: 'throw'; readonly afterMs: number }
  /** Answers only when it is stopped, and then `afterMs` later. */
  | { readonly kind: 'hang'; readonly afterMs: number }
  /** Does not listen when it is stopped, and succeeds in the end. */
  | { readonly kind: 'stubborn'; readonly afterMs: number; readonly v: number }
  | { readonly kind: 'breach'; readonly afterMs: number };

export interface ShellScript {
  /** By attempt; beyond the last one it succeeds. */
  readonly behaviours: readonly Behaviour[];
  /** Sends a heartbeat this often; 0: none. */
  readonly beatMs: number;
}

export const NEVER_RETRIED = 'never_again';
export const MAX_STUBBORN_MS = 30_000;

export function behaviourOf(script: ShellScript, attempt: number): Behaviour {
  return script.behaviours[attempt - 1] ?? { kind: 'success', afterMs: 1, v: attempt, pad: 0 };
}

/** `canHang`: the step has a time limit of its own. */
export function drawScript(
  random: Random,
  step: { readonly canHang: boolean; readonly hasContract: boolean },
): ShellScript {
  const isTroubled = random.chance(0.5);
  const length = isTroubled ? random.int(1, 4) : 1;
  const behaviours = Array.from({ length }, () =>
    isTroubled && random.chance(0.7) ? drawTrouble(random, step) : drawSuccess(random),
  );
  return { behaviours, beatMs: random.chance(0.3) ? random.int(200, 3_000) : 0 };
}

function drawSuccess(random: Random): Behaviour {
  const pad = random.chance(0.05) ? random.int(5_000, 40_000) : 0;
  return { kind: 'success', afterMs: drawDurationMs(random), v: random.int(0, 6), pad };
}

function drawTrouble(
  random: Random,
  step: { readonly canHang: boolean; readonly hasContract: boolean },
): Behaviour {
  const afterMs = drawDurationMs(random);
  const roll = random.next();
  if (step.hasContract && roll < 0.4) return { kind: 'breach', afterMs };
  if (step.canHang && roll < 0.25) return { kind: 'hang', afterMs: random.int(0, 2_000) };
  if (step.canHang && roll < 0.35)
    return { kind: 'stubborn', afterMs: random.int(5_000, MAX_STUBBORN_MS), v: random.int(0, 6) };
  if (roll < 0.45) return { kind: 'throw', afterMs };
  if (roll < 0.52) return { kind: 'failure', afterMs, code: 'hopeless', permanent: true };
  if (roll < 0.6) return { kind: 'failure', afterMs, code: NEVER_RETRIED };
  if (roll < 0.7)
    return { kind: 'failure', afterMs, code: 'busy', retryAfterMs: random.int(0, 5_000) };
  return { kind: 'failure', afterMs, code: 'flaky' };
}

function drawDurationMs(random: Random): number {
  if (random.chance(0.3)) return 0;
  return random.chance(0.7) ? random.int(1, 2_000) : random.int(2_000, 15_000);
}
