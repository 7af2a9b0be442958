import type { WorkflowView } from '../application/get-workflow.ts';

/** Shows a run as it changes. */
export interface RunDisplay {
  update(view: WorkflowView): Promise<void>;
  end(view: WorkflowView): Promise<void>;
}
