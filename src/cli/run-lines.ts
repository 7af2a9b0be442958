import type { Reason } from '../application/commands/reason.ts';
import {
  quotedLines,
  visibleCommand,
  visibleLine,
  visibleText,
} from '../application/runs/visible-text.ts';
import { droppedWord, type RunSummary } from '../application/runs/run-view.ts';
import type { StepView } from '../application/runs/step-view.ts';
import type { EventLine } from '../application/runs/event-line.ts';
import { asCommand } from './as-command.ts';
import type { Terminal } from './terminal.ts';

const MAX_ERROR_CHARS = 200;
const MAX_REASON_CHARS = 1_000;
/** An event's text has some 300 characters at most, each of which may have to be written out. */
const MAX_EVENT_CHARS = 1_000;
const MAX_WHOLE_ERROR_CHARS = 20_000;
const MAX_OUTPUT_CHARS = 2_000;

const STYLES: Readonly<Record<string, Parameters<Terminal['style']>[0]>> = {
  completed: 'green',
  failed: 'red',
  cancelled: 'yellow',
  cancelling: 'yellow',
  skipped: 'gray',
  pending: 'gray',
  running: 'cyan',
  no_worker: 'magenta',
  outcome_unknown: 'magenta',
  waiting: 'blue',
  retrying: 'yellow',
  paused: 'yellow',
};

export function statusText(terminal: Terminal, status: string): string {
  const style = STYLES[status];
  return style === undefined ? status : terminal.style(style, status);
}

/** How a run stands, in one line. */
export function headLine(terminal: Terminal, summary: RunSummary): string {
  const { run_id, workflow, version, status, progress, duration_ms } = summary;
  const failed = progress.failed > 0 ? `, ${progress.failed} failed` : '';
  const dropped = progress.dropped > 0 ? `, ${progress.dropped} ${droppedWord(status)}` : '';
  const steps = `${progress.completed} of ${progress.total} steps completed${failed}${dropped}`;
  return `${terminal.style('bold', run_id)} ${workflow}@${version} ${statusText(terminal, status)}: ${steps}, ${durationText(duration_ms)}`;
}

/** How a run ended, where it has. */
export function endLines(terminal: Terminal, { output, error }: RunSummary): string[] {
  if (error) return errorLines(error).map((line) => terminal.style('red', line));
  if (output === undefined) return [];
  const text = JSON.stringify(output, null, 2);
  return [`output: ${clip(visibleText(text), MAX_OUTPUT_CHARS)}`];
}

/** An error of many lines keeps them, none of which can pass for one of Baton's. */
function errorLines({ code, message }: NonNullable<RunSummary['error']>): string[] {
  const head = `error: ${visibleLine(code)}:`;
  return /[\n\r]/.test(message.trim())
    ? [head, ...quotedLines(message.trim(), MAX_WHOLE_ERROR_CHARS)]
    : [`${head} ${visibleLine(message, MAX_WHOLE_ERROR_CHARS)}`];
}

export function stepRow(terminal: Terminal, step: StepView): string[] {
  const { id, uses, status, attempts, duration_ms, error, skip_reason } = step;
  const remark = error && status !== 'completed' ? `${error.code}: ${error.message}` : skip_reason;
  return [
    id,
    uses,
    statusText(terminal, status),
    attempts === 0 ? '' : String(attempts),
    duration_ms === undefined ? '' : durationText(duration_ms),
    visibleLine(remark ?? '', MAX_ERROR_CHARS),
  ];
}

export const STEP_HEAD = ['step', 'uses', 'status', 'attempts', 'duration', 'remark'] as const;

export function reasonLine(terminal: Terminal, { step, kind, message, next }: Reason): string {
  const what = step === undefined ? '' : `${terminal.style('bold', step)} `;
  const how = next === undefined ? '' : `\n    ${visibleCommand(asCommand(next))}`;
  return `  ${what}[${statusText(terminal, kind)}] ${visibleLine(asCommand(message), MAX_REASON_CHARS)}${how}`;
}

/** What somebody has to do before the run goes on. */
export function attentionLines(terminal: Terminal, attention: readonly Reason[]): string[] {
  if (attention.length === 0) return [];
  return ['Needs somebody:', ...attention.map((reason) => reasonLine(terminal, reason))];
}

export function nextLines(next: readonly string[]): string[] {
  return next.length === 0
    ? []
    : ['Next:', ...next.map((call) => `  ${visibleCommand(asCommand(call))}`)];
}

export function eventText(terminal: Terminal, { sequence, at, actor, text }: EventLine): string {
  const who = terminal.style('gray', `(${visibleLine(actor)})`);
  return `${String(sequence).padStart(4)}  ${terminal.style('gray', at)}  ${visibleLine(text, MAX_EVENT_CHARS)} ${who}`;
}

export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function clip(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars - 1)}…`;
}
