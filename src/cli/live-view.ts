import type { WorkflowView } from '../application/runs/get-workflow.ts';
import type { RunDisplay } from './run-display.ts';
import { attentionLines, durationText, headLine, statusText } from './run-lines.ts';
import { printRun } from './show-command.ts';
import type { Terminal } from './terminal.ts';

const BAR_CELLS = 24;
/** Steps shown while the run goes on, those that are open first; the table at the end has all. */
const MAX_STEPS = 20;

/** Draws the run in place at a terminal; at the end it leaves the table of steps there. */
export async function createLiveView(terminal: Terminal): Promise<RunDisplay> {
  const { default: logUpdate } = await import('log-update');
  return {
    update: async (view) => logUpdate(terminal.visible(frameOf(terminal, view))),
    end: async (view) => {
      logUpdate.clear();
      logUpdate.done();
      await printRun(terminal, view);
    },
  };
}

export function frameOf(terminal: Terminal, view: WorkflowView): string {
  const shown = chooseSteps(view.steps);
  const width = Math.max(0, ...shown.map(({ id }) => id.length));
  const hidden = view.steps.length - shown.length;
  return [
    headLine(terminal, view),
    bar(terminal, view),
    ...shown.map(({ id, status, attempts, duration_ms }) => {
      const took = duration_ms === undefined ? '' : ` ${durationText(duration_ms)}`;
      const again = attempts > 1 ? ` (attempt ${attempts})` : '';
      return `  ${id.padEnd(width)}  ${statusText(terminal, status)}${took}${again}`;
    }),
    ...(hidden > 0 ? [`  and ${hidden} more`] : []),
    ...attentionLines(terminal, view.attention),
  ].join('\n');
}

/** In the order of the definition; where not all fit, open ones go first and then those that ended last. */
function chooseSteps(steps: WorkflowView['steps']): WorkflowView['steps'] {
  if (steps.length <= MAX_STEPS) return steps;
  const open = steps.filter(({ status }) => !['completed', 'skipped'].includes(status));
  const done = steps.filter((step) => !open.includes(step));
  const left = Math.max(0, MAX_STEPS - open.length);
  const chosen = new Set([...open.slice(0, MAX_STEPS), ...done.slice(done.length - left)]);
  return steps.filter((step) => chosen.has(step));
}

function bar(terminal: Terminal, { progress }: WorkflowView): string {
  const { completed, failed, dropped, total } = progress;
  const ended = completed + failed + dropped;
  const filled = total === 0 ? BAR_CELLS : Math.round((ended / total) * BAR_CELLS);
  const style = failed > 0 ? 'red' : 'green';
  return `  ${terminal.style(style, '█'.repeat(filled))}${'░'.repeat(BAR_CELLS - filled)} ${ended}/${total}`;
}
