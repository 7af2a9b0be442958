import { createAwaitWorkflow } from './runs/await-workflow.ts';
import { createCancelWorkflow } from './runs/cancel-workflow.ts';
import { createExplainWorkflow } from './runs/explain-workflow.ts';
import { createGetDefinition } from './catalog/get-definition.ts';
import { createGetActivity } from './health/get-activity.ts';
import { createGetHealth } from './health/get-health.ts';
import { createGetWorkflowGraph } from './runs/get-workflow-graph.ts';
import { createGetWorkflowHistory } from './runs/get-workflow-history.ts';
import { createGetWorkflow } from './runs/get-workflow.ts';
import { createGetWorkflowState } from './runs/get-workflow-state.ts';
import { createListCatalog } from './catalog/list-catalog.ts';
import { createListWorkflows } from './runs/list-workflows.ts';
import { createPauseWorkflow } from './runs/pause-workflow.ts';
import { createReadCheckpointDiff } from './checkpoints/read-checkpoint-diff.ts';
import { createRegisterWorkflow } from './catalog/register-workflow.ts';
import { createResumeWorkflow } from './runs/resume-workflow.ts';
import { createSignalWorkflow } from './runs/signal-workflow.ts';
import { createStartWorkflow } from './runs/start-workflow.ts';
import { createRegisterAgent } from './agents/register-agent.ts';
import { createClaimTask } from './agents/claim-task.ts';
import { createReportTask } from './agents/report-task.ts';
import { createHandoffTask } from './agents/handoff-task.ts';
import { createListAgents } from './agents/list-agents.ts';
import { createRequestApproval } from './people/request-approval.ts';
import { createResolveApproval } from './people/resolve-approval.ts';
import { createAnswerTask } from './agents/answer-task.ts';
import { createListInbox } from './people/list-inbox.ts';
import { createRehearseCommand } from './commands/rehearse-command.ts';
import { createCreateKey } from './access/create-key.ts';
import { createListKeys } from './access/list-keys.ts';
import { createRevokeKey } from './access/revoke-key.ts';
import { createPublishMessage } from './bus/publish-message.ts';
import { createFollowTopics } from './bus/follow-topics.ts';
import { createStreamTopics } from './bus/stream-topics.ts';
import { createConsumeTopics } from './bus/consume-topics.ts';
import { createCheckpoint } from './checkpoints/create-checkpoint.ts';
import { createListCheckpoints } from './checkpoints/list-checkpoints.ts';
import { guardUseCases, type Scope } from './access/access.ts';
import type { ApplicationPorts } from './use-case.ts';

/**
 * Everything a caller can do, whatever it calls through: MCP tools, REST, the command line. Each asks the caller's context
 * for a scope. Who a key stands for is found out before there is a caller, by `createAuthenticate`.
 */
export type Application = ReturnType<typeof createUseCases>;

/** What each use case asks of its caller. */
export const REQUIRED_SCOPES: Readonly<Record<keyof Application, Scope>> = {
  startWorkflow: 'runs:write',
  getWorkflow: 'runs:read',
  getWorkflowState: 'runs:read',
  listWorkflows: 'runs:read',
  awaitWorkflow: 'runs:read',
  explainWorkflow: 'runs:read',
  signalWorkflow: 'runs:write',
  cancelWorkflow: 'runs:write',
  pauseWorkflow: 'runs:write',
  resumeWorkflow: 'runs:write',
  getWorkflowHistory: 'runs:read',
  registerWorkflow: 'runs:write',
  listCatalog: 'runs:read',
  registerAgent: 'agents:work',
  claimTask: 'agents:work',
  reportTask: 'agents:work',
  handoffTask: 'agents:work',
  listAgents: 'runs:read',
  requestApproval: 'agents:work',
  resolveApproval: 'approvals:resolve',
  answerTask: 'approvals:resolve',
  listInbox: 'runs:read',
  rehearseCommand: 'runs:read',
  createKey: 'admin',
  listKeys: 'admin',
  revokeKey: 'admin',
  createCheckpoint: 'runs:write',
  listCheckpoints: 'runs:read',
  readCheckpointDiff: 'runs:read',
  publishMessage: 'runs:write',
  followTopics: 'runs:read',
  streamTopics: 'runs:read',
  consumeTopics: 'runs:read',
  getHealth: 'runs:read',
  getActivity: 'runs:read',
  getDefinition: 'runs:read',
  getWorkflowGraph: 'runs:read',
};

export function createApplication(ports: ApplicationPorts): Application {
  return guardUseCases(createUseCases(ports), REQUIRED_SCOPES);
}

function createUseCases(ports: ApplicationPorts) {
  return {
    startWorkflow: createStartWorkflow(ports),
    getWorkflow: createGetWorkflow(ports),
    getWorkflowState: createGetWorkflowState(ports),
    listWorkflows: createListWorkflows(ports),
    awaitWorkflow: createAwaitWorkflow(ports),
    explainWorkflow: createExplainWorkflow(ports),
    signalWorkflow: createSignalWorkflow(ports),
    cancelWorkflow: createCancelWorkflow(ports),
    pauseWorkflow: createPauseWorkflow(ports),
    resumeWorkflow: createResumeWorkflow(ports),
    getWorkflowHistory: createGetWorkflowHistory(ports),
    registerWorkflow: createRegisterWorkflow(ports),
    listCatalog: createListCatalog(ports),
    registerAgent: createRegisterAgent(ports),
    claimTask: createClaimTask(ports),
    reportTask: createReportTask(ports),
    handoffTask: createHandoffTask(ports),
    listAgents: createListAgents(ports),
    requestApproval: createRequestApproval(ports),
    resolveApproval: createResolveApproval(ports),
    answerTask: createAnswerTask(ports),
    listInbox: createListInbox(ports),
    rehearseCommand: createRehearseCommand(ports),
    createKey: createCreateKey(ports),
    listKeys: createListKeys(ports),
    revokeKey: createRevokeKey(ports),
    createCheckpoint: createCheckpoint(ports),
    listCheckpoints: createListCheckpoints(ports),
    readCheckpointDiff: createReadCheckpointDiff(ports),
    publishMessage: createPublishMessage(ports),
    followTopics: createFollowTopics(ports),
    streamTopics: createStreamTopics(ports),
    consumeTopics: createConsumeTopics(ports),
    getHealth: createGetHealth(ports),
    getActivity: createGetActivity(ports),
    getDefinition: createGetDefinition(ports),
    getWorkflowGraph: createGetWorkflowGraph(ports),
  };
}
