import { z } from 'zod';
import { MAX_REPORTED_ERRORS } from '../../domain/definition/definition-limits.ts';
import type { ParsedDefinition } from '../../domain/definition.ts';
import { toMermaid } from '../../domain/mermaid.ts';
import type { Plan } from '../../domain/plan.ts';
import { flagSchema } from '../call-arguments.ts';
import { exampleInput } from './example-input.ts';
import { declaredKinds } from './loaded-kinds.ts';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import { parseDefinitionText } from './parse-definition-text.ts';
import { toolCall } from '../tool-call.ts';
import type { ApplicationPorts, UseCase, UseCaseResult } from '../use-case.ts';

export const registerWorkflowInputSchema = z.object({
  definition: z.string().min(1).describe('YAML or JSON text'),
  dry_run: flagSchema().optional().describe('Check and plan only'),
});
export type RegisterWorkflowInput = z.infer<typeof registerWorkflowInputSchema>;

export interface WorkflowRegistration {
  readonly name: string;
  /** Absent in a dry run. */
  readonly version?: number;
  /** False when the same content was registered before. */
  readonly created: boolean;
  readonly dry_run: boolean;
  /** Content hash. */
  readonly hash: string;
  /** Ids by distance from the start: steps of one level run in parallel where their needs allow. */
  readonly levels: readonly (readonly string[])[];
  /** Queues that workers must serve. */
  readonly queues: readonly string[];
  /** Mermaid flowchart. */
  readonly graph: string;
  readonly next: readonly string[];
}

/**
 * Registers a definition, durable when it answers. Content that is registered already keeps its version; other
 * content of the same name becomes the next version, and runs keep the one they started with. All mistakes are
 * reported at once. A dry run registers nothing. What third parties' step kinds declare is pinned in the definition: when
 * a handler's declaration changes, registering the same text again gives a new version.
 */
export function createRegisterWorkflow(
  ports: ApplicationPorts,
): UseCase<RegisterWorkflowInput, WorkflowRegistration> {
  return ({ tenant }, input) =>
    translatingErrors<WorkflowRegistration>('unknown', async () => {
      const parsed = parseDefinitionText(input.definition, await declaredKinds(ports));
      if (!parsed.ok) return invalid(parsed.errors);
      if (input.dry_run === true) return { ok: true, value: dryRun(parsed) };
      const { name, description } = parsed.definition;
      const { hash, document } = parsed;
      const { definition, created } = await ports.store.register({
        tenant,
        name,
        hash,
        document,
        ...(description !== undefined && { description }),
      });
      const { version } = definition;
      return { ok: true, value: { ...planOf(parsed), version, created, dry_run: false } };
    });
}

type Accepted = Extract<ParsedDefinition, { ok: true }>;

function dryRun(parsed: Accepted): WorkflowRegistration {
  const next = ['register_workflow with the same definition and without dry_run registers it'];
  return { ...planOf(parsed), created: false, dry_run: true, next };
}

function planOf({ plan, hash }: Accepted): Omit<WorkflowRegistration, 'created' | 'dry_run'> {
  return {
    name: plan.name,
    hash,
    levels: levelsOf(plan),
    queues: [...new Set(plan.steps.flatMap(({ queue }) => queue ?? []))],
    graph: toMermaid(plan),
    next: [
      toolCall('start_workflow', {
        workflow: plan.name,
        input: exampleInput(plan.definition.input),
      }),
    ],
  };
}

export function levelsOf(plan: Plan): readonly (readonly string[])[] {
  const levels: string[][] = [];
  for (const step of plan.steps) (levels[plan.levels[step.index] ?? 0] ??= []).push(step.id);
  return levels;
}

function invalid(errors: Extract<ParsedDefinition, { ok: false }>['errors']): UseCaseResult<never> {
  return failure({
    code: 'invalid_definition',
    message: `The definition has ${countOf(errors.length)}; nothing was registered.`,
    changed: 'nothing',
    next: 'Correct them all and call again; dry_run checks without registering.',
    violations: errors,
  });
}

function countOf(errors: number): string {
  if (errors > MAX_REPORTED_ERRORS) return `more than ${MAX_REPORTED_ERRORS} mistakes`;
  return errors === 1 ? 'a mistake' : `${errors} mistakes`;
}
