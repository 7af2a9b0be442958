import type { Route } from '../define-route.ts';
import { followEvents } from '../events/events-route.ts';
import { listAgents, registerAgent } from './agents.ts';
import { listApprovals, requestApproval, resolveApproval } from './approvals.ts';
import { answerTask, listInbox } from './inbox.ts';
import { cancelWorkflow, pauseWorkflow, resumeWorkflow, signalWorkflow } from './commands.ts';
import { getDefinition, listDefinitions, registerDefinition } from './definitions.ts';
import { getHealth, publishMessage } from './operations.ts';
import { explainWorkflow, getWorkflowGraph, getWorkflowHistory } from './run-details.ts';
import { getStage, listStages } from './stages.ts';
import { completeTask, failTask, heartbeatTask, releaseTask } from './task-reports.ts';
import { claimTask, handoffTask } from './tasks.ts';
import { getWorkflow, listWorkflows, startWorkflow } from './workflows.ts';

/** The table: every route but the one that answers the document of the table. */
export const routes: readonly Route[] = [
  startWorkflow,
  listWorkflows,
  getWorkflow,
  listStages,
  getStage,
  getWorkflowHistory,
  getWorkflowGraph,
  explainWorkflow,
  signalWorkflow,
  pauseWorkflow,
  resumeWorkflow,
  cancelWorkflow,
  listApprovals,
  requestApproval,
  resolveApproval,
  listInbox,
  answerTask,
  listDefinitions,
  getDefinition,
  registerDefinition,
  listAgents,
  registerAgent,
  claimTask,
  heartbeatTask,
  completeTask,
  failTask,
  releaseTask,
  handoffTask,
  getHealth,
  publishMessage,
  followEvents,
];
