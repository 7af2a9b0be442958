import type { Application } from '../application/application.ts';
import type { StepDetail, WorkflowView } from '../application/runs/get-workflow.ts';
import type { CallContext, UseCaseResult } from '../application/use-case.ts';
import type { Json } from '../domain/json.ts';
import type { StepDefinition } from '../domain/definition/workflow-definition.ts';
import { untrusted } from './prompt-text.ts';
import { clip } from './text-page.ts';

/** Steps with what they gave, of those named; one that the run does not have is left out. */
export async function readSteps(
  application: Application,
  context: CallContext,
  run_id: string,
  ids: readonly string[],
): Promise<UseCaseResult<StepDetail[]>> {
  const steps: StepDetail[] = [];
  for (const step of ids) {
    const found = await application.getWorkflow(context, { run_id, step });
    if (!found.ok && found.error.code !== 'unknown_step') return found;
    if (found.ok && found.value.step) steps.push(found.value.step);
  }
  return { ok: true, value: steps };
}

/** A value as lines that are marked as data. */
export function valueLines(name: string, value: Json | undefined, maxChars: number): string[] {
  if (value === undefined) return [];
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const cut = text.length > maxChars ? ` (the first ${maxChars} of ${text.length} characters)` : '';
  return [`${name}${cut}, ${untrusted(text, maxChars).join('\n')}`];
}

/** What came of a step. */
export function resultBlock({ id, uses, status, attempts, error, output }: StepDetail): string[] {
  const often = attempts > 1 ? `, attempt ${attempts}` : '';
  return [
    `- ${id} (${uses}) ${status}${often}${error && status === 'failed' ? `: ${error.code}` : ''}`,
    ...(error && status === 'failed' ? valueLines('error', error.message, 300) : []),
    ...valueLines('output', output, 400),
  ];
}

/** What a step that has not run yet is going to do, as the definition states it. */
export function plannedLine(step: StepDefinition): string {
  const { id, uses, effect, description } = step;
  const condition = step.if === undefined ? '' : ` if ${String(step.if)}`;
  const does = step.with === undefined ? '' : ` ${JSON.stringify(step.with)}`;
  const why = description === undefined ? '' : ` — ${description}`;
  const text = `- ${id} (${uses}${effect === undefined ? '' : `, effect ${effect}`})${condition}${why}${does}`;
  return clip(text.replaceAll(/\s+/g, ' '), 400);
}

/** Steps that wait, directly or not, for step `id`, in the order of the definition. */
export function stepsAfter(steps: readonly StepDefinition[], id: string): StepDefinition[] {
  const reached = new Set([id]);
  // A definition may name its steps in any order: go on until nothing is added.
  for (let size = 0; size < reached.size;) {
    size = reached.size;
    for (const step of steps) {
      if (step.needs?.some((need) => reached.has(need)) === true) reached.add(step.id);
    }
  }
  return steps.filter((step) => step.id !== id && reached.has(step.id));
}

/** Finished steps, the latest last, as far as a brief can hold. */
export function latestFinished({ steps }: WorkflowView, max: number): string[] {
  return steps
    .filter(({ status }) => status === 'completed' || status === 'failed')
    .toSorted((a, b) => (a.started_at ?? '').localeCompare(b.started_at ?? ''))
    .slice(-max)
    .map(({ id }) => id);
}
