import type { AgentTask } from '../../src/application/agents/agent-task.ts';
import type { AgentWork } from './generate-people.ts';
import type { Random } from './random.ts';

export interface PlainWork {
  readonly kind: 'work';
  readonly forMs: number;
  readonly beats: number;
}

const HAND_OVER_TO = ['agent', 'capability', 'person', 'person', 'nobody'] as const;
export type HandOverTo = (typeof HAND_OVER_TO)[number];
type LateReport = 'complete' | 'fail' | 'hand-over' | 'release';

/** What an agent does with one task. */
export type AgentBehaviour =
  | PlainWork
  /** Breaks the contract first, and corrects it when told. */
  | { readonly kind: 'breach'; readonly forMs: number }
  | { readonly kind: 'fail'; readonly forMs: number; readonly code: string | undefined }
  /** Works past its lease without a word, and reports in spite of that. */
  | { readonly kind: 'stall'; readonly forMs: number; readonly then: LateReport }
  /** Is never heard of this task again; the agent itself may come back, and ask as if it had heard nothing. */
  | { readonly kind: 'vanish'; readonly forMs: number; readonly forgets: boolean }
  /** Reports the same result at once again, and then another one. */
  | { readonly kind: 'twice'; readonly forMs: number; readonly races: boolean }
  | { readonly kind: 'release'; readonly forMs: number }
  | { readonly kind: 'hand-over'; readonly to: HandOverTo }
  /** Asks people first; works on when they have answered, or when it is tired of waiting. */
  | {
      readonly kind: 'ask';
      readonly patienceMs: number;
      readonly expiresSeconds: number | undefined;
    }
  | { readonly kind: 'checkpoint'; readonly withRepository: boolean }
  /** Hands in a task word that it was never given. */
  | { readonly kind: 'forge'; readonly what: 'run' | 'step' | 'fence' | 'owner' | 'tenant' };

export const AGENT_CODES = [undefined, 'tests_red', 'never_again'] as const;
/** Of an agent that does as it should, so that liveness is a question of the engine's own times. */
const QUICK_MS = 300;

export function drawQuickWork(random: Random): PlainWork {
  return { kind: 'work', forMs: random.int(0, QUICK_MS), beats: 0 };
}

export function drawAgentBehaviour(
  random: Random,
  task: AgentTask,
  { contract }: AgentWork,
): AgentBehaviour {
  const leaseMs = task.lease.duration_seconds * 1_000;
  const forMs = random.int(0, Math.min(8_000, leaseMs));
  if (contract !== undefined && random.chance(0.5)) return { kind: 'breach', forMs };
  switch (random.int(1, 14)) {
    case 1:
      return { kind: 'fail', forMs, code: random.pick(AGENT_CODES) };
    case 2:
    case 3: {
      const then = random.pick<LateReport>([
        'complete',
        'complete',
        'fail',
        'hand-over',
        'release',
      ]);
      return { kind: 'stall', forMs: leaseMs + random.int(1, 15_000), then };
    }
    case 4:
    case 5:
      return { kind: 'vanish', forMs: random.int(0, 60_000), forgets: random.chance(0.5) };
    case 6:
      return { kind: 'twice', forMs, races: random.chance(0.5) };
    case 7:
      return { kind: 'release', forMs };
    case 8:
    case 11:
      return { kind: 'hand-over', to: random.pick(HAND_OVER_TO) };
    case 9:
    case 12: {
      const expiresSeconds = random.chance(0.5) ? random.int(1, 20) : undefined;
      return { kind: 'ask', patienceMs: random.int(0, 20_000), expiresSeconds };
    }
    case 10:
      return random.chance(0.5)
        ? { kind: 'checkpoint', withRepository: random.chance(0.5) }
        : { kind: 'forge', what: random.pick(['run', 'step', 'fence', 'owner', 'tenant']) };
    default:
      return { kind: 'work', forMs: random.int(0, leaseMs), beats: random.int(0, 4) };
  }
}

/** A task word with one of its parts changed. */
export function forgeWord(word: string, what: string, runIds: readonly string[]): string {
  const [run = '', step, attempt, fence, owner, mac] = word.split('~');
  const other = runIds.find((id) => id !== run) ?? `${run}x`;
  const parts = {
    run: [other, step, attempt, fence, owner, mac],
    step: [run, 's0', attempt, fence, owner, mac],
    fence: [run, step, attempt, Number(fence) + 1, owner, mac],
    owner: [run, step, attempt, fence, 'agent:mallory', mac],
  }[what];
  return parts?.join('~') ?? word;
}
