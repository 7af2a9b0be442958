import type { WorkflowView } from '../application/runs/get-workflow.ts';

/** Shows a run as it changes. */
export interface RunDisplay {
  update(view: WorkflowView): Promise<void>;
  end(view: WorkflowView): Promise<void>;
}
