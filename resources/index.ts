import type { Resource } from '../src/mcp/define-resource.ts';
import { agentResource } from './agent.ts';
import { checkpointResource } from './checkpoint.ts';
import { definitionResource } from './definition.ts';
import { healthResource } from './health.ts';
import { pendingApprovalsResource } from './pending-approvals.ts';
import { runGraphResource } from './run-graph.ts';
import { runHistoryResource } from './run-history.ts';
import { runResource } from './run.ts';
import { stepOutputResource } from './step-output.ts';

/** Every resource, in the order of `resources/list`. */
export const resources: readonly Resource[] = [
  healthResource,
  pendingApprovalsResource,
  definitionResource,
  runResource,
  runHistoryResource,
  runGraphResource,
  stepOutputResource,
  checkpointResource,
  agentResource,
];
