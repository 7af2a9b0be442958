import type { Tool } from '../src/mcp/define-tool.ts';
import { requestApproval } from './request-approval.ts';
import { handoffTask } from './handoff-task.ts';
import { reportTask } from './report-task.ts';
import { claimTask } from './claim-task.ts';
import { registerAgent } from './register-agent.ts';
import { checkpoint } from './checkpoint.ts';
import { awaitWorkflow } from './await-workflow.ts';
import { cancelWorkflow } from './cancel-workflow.ts';
import { explainWorkflow } from './explain-workflow.ts';
import { getHealth } from './get-health.ts';
import { getWorkflowHistory } from './get-workflow-history.ts';
import { getWorkflow } from './get-workflow.ts';
import { listCatalog } from './list-catalog.ts';
import { listWorkflows } from './list-workflows.ts';
import { pauseWorkflow } from './pause-workflow.ts';
import { registerWorkflow } from './register-workflow.ts';
import { resumeWorkflow } from './resume-workflow.ts';
import { signalWorkflow } from './signal-workflow.ts';
import { startWorkflow } from './start-workflow.ts';

/** Every tool, in the order of `tools/list`. */
export const tools: readonly Tool[] = [
  startWorkflow,
  getWorkflow,
  listWorkflows,
  awaitWorkflow,
  explainWorkflow,
  signalWorkflow,
  cancelWorkflow,
  pauseWorkflow,
  resumeWorkflow,
  getWorkflowHistory,
  registerWorkflow,
  listCatalog,
  checkpoint,
  registerAgent,
  claimTask,
  reportTask,
  handoffTask,
  requestApproval,
  getHealth,
];
