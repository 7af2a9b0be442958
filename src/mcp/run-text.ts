import type { ApprovalView } from '../application/people/approval-view.ts';
import type { CheckpointView } from '../application/checkpoints/checkpoint-view.ts';
import type { Reason } from '../application/commands/reason.ts';
import { droppedWord, type RunSummary } from '../application/runs/run-view.ts';
import type { StepView } from '../application/runs/step-view.ts';
import type { JsonObject } from '../domain/json.ts';
import { jsonLine, oneLine } from './outside-text.ts';
import { clip, costOf } from './text-page.ts';

/** Small values stand in the structured part whole, others are read from the text or with get_workflow. */
const MAX_STRUCTURED_OUTPUT_CHARS = 600;

/** `run ab12… release-check@3: running, 2 of 5 steps completed, 4.2 s` */
export function headLine(summary: RunSummary): string {
  const { run_id, workflow, version, status, progress } = summary;
  const failed = progress.failed > 0 ? `, ${progress.failed} failed` : '';
  const dropped = progress.dropped > 0 ? `, ${progress.dropped} ${droppedWord(status)}` : '';
  return `run ${run_id} of ${workflow}@${version}: ${status}, ${progress.completed} of ${progress.total} steps completed${failed}${dropped}, ${duration(summary.duration_ms)}`;
}

/** How the run ended, where it did. */
export function endLines(summary: RunSummary, maxOutputChars: number): string[] {
  const { run_id, output, error } = summary;
  if (error) return [clip(oneLine(`error: ${error.code}: ${error.message}`), 600)];
  if (output === undefined) return [];
  const text = jsonLine(JSON.stringify(output));
  if (costOf(text) <= maxOutputChars) return [`output: ${text}`];
  return [
    `output (${text.length} characters, cut): ${clip(text, Math.floor(maxOutputChars / 2))}`,
    `all of it: get_workflow {"run_id":"${run_id}","step":"$run"}`,
  ];
}

/** With the call that moves it on, unless that is told elsewhere already. */
export function reasonLine({ step, kind, message, next }: Reason, told: readonly string[]): string {
  const call = next === undefined || told.includes(next) ? '' : ` -> ${jsonLine(next)}`;
  return `- ${step === undefined ? '' : `${step}: `}[${kind}] ${oneLine(message)}${call}`;
}

/** What needs somebody, at most `max` of it; the calls of `told` follow elsewhere. */
export function attentionLines(
  attention: readonly Reason[],
  told: readonly string[],
  max = 6,
): string[] {
  if (attention.length === 0) return [];
  const rest = attention.length - max;
  return [
    'needs somebody:',
    ...attention.slice(0, max).map((reason) => clip(reasonLine(reason, told), 700)),
    ...(rest > 0 ? [`- and ${rest} more: explain_workflow lists them`] : []),
  ];
}

export function nextLines(next: readonly string[]): string[] {
  return next.length === 0
    ? []
    : ['next:', ...next.map((call) => `- ${clip(jsonLine(call), 1_200)}`)];
}

export function stepLine(step: StepView): string {
  const parts = [step.id, step.uses, step.status];
  if (step.attempts > 1) parts.push(`attempt ${step.attempts}`);
  if (step.duration_ms !== undefined) parts.push(duration(step.duration_ms));
  if (step.skip_reason !== undefined) parts.push(`(${step.skip_reason})`);
  const error =
    step.error && step.status !== 'completed' ? ` ${step.error.code}: ${step.error.message}` : '';
  return clip(oneLine(`${parts.join(' ')}${error}`), 240);
}

/** `ab12…@7 before-deploy (3f2a9c1d4b5e, with changes): the note` */
export function checkpointLine({ checkpoint_id, name, note, repository }: CheckpointView): string {
  const { commit = 'no commit', isDirty } = repository ?? {};
  const at = repository
    ? ` (${commit.slice(0, 12)}${isDirty === true ? ', with changes' : ''})`
    : '';
  return clip(
    oneLine(`${checkpoint_id} ${name}${at}${note === undefined ? '' : `: ${note}`}`),
    400,
  );
}

/** Approvals that agents asked for and that have their answer; what waits is told as a reason. */
export function answeredLines(approvals: readonly ApprovalView[]): string[] {
  const answered = approvals.filter(({ status }) => status !== 'waiting').slice(-10);
  return answered.map(({ approval_id, status, choice, answered_by, question }) =>
    clip(
      oneLine(
        `- ${approval_id} ${status}${choice === undefined ? '' : ` "${choice}"`}${answered_by === undefined ? '' : ` by ${answered_by}`}: ${question}`,
      ),
      240,
    ),
  );
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.floor((ms % 60_000) / 1_000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What programs need of a run, without what only costs a model that has read the text. */
export function structuredRun(summary: RunSummary): JsonObject {
  const { run_id, workflow, version, status, progress, output, error } = summary;
  const isSmall =
    output !== undefined && JSON.stringify(output).length <= MAX_STRUCTURED_OUTPUT_CHARS;
  return {
    run_id,
    workflow,
    version,
    status,
    progress: { ...progress },
    ...(isSmall && { output }),
    ...(error && { error: { code: error.code, message: clip(error.message, 200) } }),
  };
}
