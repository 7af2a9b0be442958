import { z } from 'zod';
import { toMermaid } from '../../domain/mermaid.ts';
import type { Plan } from '../../domain/plan.ts';
import { runIdSchema } from '../call-arguments.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import { readSituation } from './run-situation.ts';
import { viewStep } from './step-view.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

export const getWorkflowGraphInputSchema = z.object({ run_id: runIdSchema });
export type GetWorkflowGraphInput = z.infer<typeof getWorkflowGraphInputSchema>;

/** Renderers of Mermaid refuse a chart of more than 500 edges, or of more than 50,000 characters. */
const MAX_EDGES = 450;
const MAX_NODES = 350;

export interface WorkflowGraph {
  readonly run_id: string;
  /** Mermaid flowchart of the run's own version of the definition, coloured by how the steps stand. */
  readonly graph: string;
  /** The first of the definition; edges to steps that are not shown are left out. */
  readonly shown_steps: number;
  readonly total_steps: number;
}

/** The graph of a run as of now. A large one is cut at what renderers accept, and says so by its counts. */
export function createGetWorkflowGraph(
  ports: ApplicationPorts,
): UseCase<GetWorkflowGraphInput, WorkflowGraph> {
  return ({ tenant }, { run_id }) =>
    translatingErrors('nothing', async () => {
      const situation = await readSituation(ports, { tenant, runId: run_id });
      if (!situation.ok) return situation;
      const { plan } = situation.value;
      const shown = firstSteps(plan);
      const statuses = new Map(
        shown.steps.map((step) => [step.id, viewStep(situation.value, step).status]),
      );
      return {
        ok: true,
        value: {
          run_id,
          graph: toMermaid(shown, (id) => statuses.get(id)),
          shown_steps: shown.steps.length,
          total_steps: plan.steps.length,
        },
      };
    });
}

function firstSteps(plan: Plan): Plan {
  let edges = 0;
  const past = plan.steps.findIndex(({ needs }, index) => {
    edges += needs.length;
    return edges > MAX_EDGES || index >= MAX_NODES;
  });
  if (past < 0) return plan;
  const steps = plan.steps
    .slice(0, past)
    .map((step) => ({ ...step, needs: step.needs.filter((need) => need < past) }));
  return { ...plan, steps };
}
