import type { Command } from '../../src/domain/commands.ts';
import type { HandoverTarget } from '../../src/domain/events.ts';
import { awaitsPerson, type StepState } from '../../src/domain/state.ts';
import {
  answerTask,
  approve,
  ask,
  begin,
  cancel,
  checkpoint,
  complete,
  fail,
  fire,
  giveBack,
  handOver,
  pause,
  refuse,
  reportCancelled,
  reportUnknown,
  resume,
  signal,
  start,
  toAgent,
  toCapability,
  toPerson,
  type Scenario,
} from './given.ts';
import type { Move } from './random-runs.ts';

/** What a move says to a run that is where it is, with these timers set. */
export function commandOf(
  move: Move,
  { plan, state }: Scenario,
  timers: readonly string[],
): Command {
  const { what, step: at, offset, output, resolution } = move;
  const index = indexOf(move, { plan, state });
  const step = plan.steps[index]?.id ?? '';
  const attempt = state.steps.get(index).attempt + offset;
  switch (what) {
    case 'complete':
      return complete(step, output, attempt);
    case 'fail':
      return fail(step, {}, { attempt, heartbeat: at });
    case 'permanent':
      return fail(step, { permanent: true }, { attempt });
    case 'giveBack':
      return giveBack(step, attempt);
    case 'unknown':
      return reportUnknown(step, attempt);
    case 'begin':
      return begin(step, attempt);
    case 'timer':
      return fire(timers[at % Math.max(1, timers.length)] ?? 'retry:none#1');
    case 'staleTimer':
      return fire(`${['wait', 'retry', 'timeout'][at % 3] ?? ''}:${step}#${attempt - 1}`);
    case 'signal':
      return signal(at % 2 === 0 ? 'x' : 'y', output);
    case 'reportCancelled':
      return state.run.status === 'cancelling' ? reportCancelled(step, attempt) : resume;
    case 'resolve':
      return { type: 'ResolveStep', step, resolution, output };
    case 'restart':
      return start();
    case 'handOver':
      return handOver(step, targetOf(at), { attempt, ...(at % 2 === 0 && { context: output }) });
    case 'handToPerson':
      return handOver(step, toPerson(), { attempt, heartbeat: output });
    case 'answerTask':
      return answerTask(step, { output });
    case 'failTask':
      return answerTask(step, { resolution: 'failed' });
    case 'ask':
      return ask(String(at % 4), { step });
    case 'askWithExpiry':
      return ask(String(at % 4), { expiresMs: 60_000 });
    case 'approve':
      return approve(step);
    case 'refuse':
      return refuse(step);
    case 'answerAsked':
      return approve(`ask:${at % 4}`);
    case 'checkpoint':
      return checkpoint(`at ${at}`);
    default:
      return { pause, resume, cancel }[what];
  }
}

const WANTED: Readonly<Partial<Record<Move['what'], (step: StepState) => boolean>>> = {
  begin: ({ status }) => status === 'scheduled',
  resolve: ({ status }) => status === 'unknown',
  handOver: ({ status }) => status === 'scheduled',
  handToPerson: ({ status }) => status === 'scheduled',
  answerTask: awaitsPerson,
  failTask: awaitsPerson,
  approve: awaitsPerson,
  refuse: awaitsPerson,
};

/** A step of which the move may come true, three times of four: most of any would only be refused. */
function indexOf({ what, step: at }: Move, { plan, state }: Pick<Scenario, 'plan' | 'state'>) {
  const isWanted = at % 4 === 0 ? undefined : WANTED[what];
  const fitting = plan.steps.filter((step) => isWanted?.(state.steps.get(step.index)) ?? true);
  const { length } = fitting;
  return fitting[at % Math.max(1, length)]?.index ?? at % plan.steps.length;
}

function targetOf(at: number): HandoverTarget {
  return at % 2 === 0 ? toAgent('other') : toCapability('test');
}
