import { createAwaitWorkflow } from './await-workflow.ts';
import { createCancelWorkflow } from './cancel-workflow.ts';
import { createExplainWorkflow } from './explain-workflow.ts';
import { createGetDefinition } from './get-definition.ts';
import { createGetActivity } from './get-activity.ts';
import { createGetHealth } from './get-health.ts';
import { createGetWorkflowGraph } from './get-workflow-graph.ts';
import { createGetWorkflowHistory } from './get-workflow-history.ts';
import { createGetWorkflow } from './get-workflow.ts';
import { createListCatalog } from './list-catalog.ts';
import { createListWorkflows } from './list-workflows.ts';
import { createPauseWorkflow } from './pause-workflow.ts';
import { createReadCheckpointDiff } from './read-checkpoint-diff.ts';
import { createRegisterWorkflow } from './register-workflow.ts';
import { createResumeWorkflow } from './resume-workflow.ts';
import { createSignalWorkflow } from './signal-workflow.ts';
import { createStartWorkflow } from './start-workflow.ts';
import { createRegisterAgent } from './register-agent.ts';
import { createClaimTask } from './claim-task.ts';
import { createReportTask } from './report-task.ts';
import { createHandoffTask } from './handoff-task.ts';
import { createListAgents } from './list-agents.ts';
import { createRequestApproval } from './request-approval.ts';
import { createResolveApproval } from './resolve-approval.ts';
import { createAnswerTask } from './answer-task.ts';
import { createListInbox } from './list-inbox.ts';
import { createRehearseCommand } from './rehearse-command.ts';
import { createCreateOperatorKey } from './create-operator-key.ts';
import { createListOperatorKeys } from './list-operator-keys.ts';
import { createRevokeOperatorKey } from './revoke-operator-key.ts';
import { createCheckOperatorKey } from './check-operator-key.ts';
import { createPublishMessage } from './publish-message.ts';
import { createFollowTopics } from './follow-topics.ts';
import { createConsumeTopics } from './consume-topics.ts';
import { createCheckpoint } from './create-checkpoint.ts';
import { createListCheckpoints } from './list-checkpoints.ts';
import type { ApplicationPorts } from './use-case.ts';

/** Everything a caller can do, whatever it calls through: MCP tools, the command line. */
export interface Application {
  readonly startWorkflow: ReturnType<typeof createStartWorkflow>;
  readonly getWorkflow: ReturnType<typeof createGetWorkflow>;
  readonly listWorkflows: ReturnType<typeof createListWorkflows>;
  readonly awaitWorkflow: ReturnType<typeof createAwaitWorkflow>;
  readonly explainWorkflow: ReturnType<typeof createExplainWorkflow>;
  readonly signalWorkflow: ReturnType<typeof createSignalWorkflow>;
  readonly cancelWorkflow: ReturnType<typeof createCancelWorkflow>;
  readonly pauseWorkflow: ReturnType<typeof createPauseWorkflow>;
  readonly resumeWorkflow: ReturnType<typeof createResumeWorkflow>;
  readonly getWorkflowHistory: ReturnType<typeof createGetWorkflowHistory>;
  readonly registerWorkflow: ReturnType<typeof createRegisterWorkflow>;
  readonly listCatalog: ReturnType<typeof createListCatalog>;
  readonly registerAgent: ReturnType<typeof createRegisterAgent>;
  readonly claimTask: ReturnType<typeof createClaimTask>;
  readonly reportTask: ReturnType<typeof createReportTask>;
  readonly handoffTask: ReturnType<typeof createHandoffTask>;
  readonly listAgents: ReturnType<typeof createListAgents>;
  readonly requestApproval: ReturnType<typeof createRequestApproval>;
  readonly resolveApproval: ReturnType<typeof createResolveApproval>;
  readonly answerTask: ReturnType<typeof createAnswerTask>;
  readonly listInbox: ReturnType<typeof createListInbox>;
  readonly rehearseCommand: ReturnType<typeof createRehearseCommand>;
  readonly createOperatorKey: ReturnType<typeof createCreateOperatorKey>;
  readonly listOperatorKeys: ReturnType<typeof createListOperatorKeys>;
  readonly revokeOperatorKey: ReturnType<typeof createRevokeOperatorKey>;
  readonly checkOperatorKey: ReturnType<typeof createCheckOperatorKey>;
  readonly createCheckpoint: ReturnType<typeof createCheckpoint>;
  readonly listCheckpoints: ReturnType<typeof createListCheckpoints>;
  readonly readCheckpointDiff: ReturnType<typeof createReadCheckpointDiff>;
  readonly publishMessage: ReturnType<typeof createPublishMessage>;
  readonly followTopics: ReturnType<typeof createFollowTopics>;
  readonly consumeTopics: ReturnType<typeof createConsumeTopics>;
  readonly getHealth: ReturnType<typeof createGetHealth>;
  readonly getActivity: ReturnType<typeof createGetActivity>;
  readonly getDefinition: ReturnType<typeof createGetDefinition>;
  readonly getWorkflowGraph: ReturnType<typeof createGetWorkflowGraph>;
}

export function createApplication(ports: ApplicationPorts): Application {
  return {
    startWorkflow: createStartWorkflow(ports),
    getWorkflow: createGetWorkflow(ports),
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
    createOperatorKey: createCreateOperatorKey(ports),
    listOperatorKeys: createListOperatorKeys(ports),
    revokeOperatorKey: createRevokeOperatorKey(ports),
    checkOperatorKey: createCheckOperatorKey(ports),
    createCheckpoint: createCheckpoint(ports),
    listCheckpoints: createListCheckpoints(ports),
    readCheckpointDiff: createReadCheckpointDiff(ports),
    publishMessage: createPublishMessage(ports),
    followTopics: createFollowTopics(ports),
    consumeTopics: createConsumeTopics(ports),
    getHealth: createGetHealth(ports),
    getActivity: createGetActivity(ports),
    getDefinition: createGetDefinition(ports),
    getWorkflowGraph: createGetWorkflowGraph(ports),
  };
}
