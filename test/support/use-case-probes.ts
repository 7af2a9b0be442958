import type { Application } from '../../src/application/application.ts';
import type { CallContext } from '../../src/application/use-case.ts';
import type { Ids } from './tenant-world.ts';

/** One call of a use case, about the given ids. Answers what the caller was told. */
type Probe = (application: Application, context: CallContext, ids: Ids) => Promise<unknown>;

const PERSON = { name: 'canary-anna', via: 'operator_key' } as const;
const ANYTHING = { after: 'oldest', topics: ['>'] };

/** Every use case, by its name: one without a probe is no program. */
export const useCaseProbes: Readonly<Record<keyof Application, Probe>> = {
  startWorkflow: (application, context, { workflow, idempotencyKey: idempotency_key }) =>
    application.startWorkflow(context, { workflow, input: {}, idempotency_key }),
  getWorkflow: (application, context, { runId: run_id, step }) =>
    application.getWorkflow(context, { run_id, step }),
  getWorkflowState: (application, context, { runId: run_id }) =>
    application.getWorkflowState(context, { run_id }),
  listWorkflows: (application, context, { workflow }) =>
    application.listWorkflows(context, { workflow }),
  awaitWorkflow: (application, context, { runId: run_id }) =>
    application.awaitWorkflow(context, { run_id, wait_seconds: 0 }),
  explainWorkflow: (application, context, { runId: run_id }) =>
    application.explainWorkflow(context, { run_id }),
  signalWorkflow: (application, context, { runId: run_id, idempotencyKey: idempotency_key }) =>
    application.signalWorkflow(context, { run_id, name: 'go', payload: {}, idempotency_key }),
  cancelWorkflow: (application, context, { runId: run_id }) =>
    application.cancelWorkflow(context, { run_id }),
  pauseWorkflow: (application, context, { runId: run_id }) =>
    application.pauseWorkflow(context, { run_id }),
  resumeWorkflow: (application, context, { runId: run_id }) =>
    application.resumeWorkflow(context, { run_id }),
  getWorkflowHistory: (application, context, { runId: run_id }) =>
    application.getWorkflowHistory(context, { run_id }),
  registerWorkflow: (application, context, { workflow }) => {
    const definition = `{ name: ${workflow}, steps: [{ id: a, uses: transform, with: 1 }] }`;
    return application.registerWorkflow(context, { definition });
  },
  listCatalog: async (application, context, { workflow }) => [
    await application.listCatalog(context, {}),
    await application.listCatalog(context, { name: workflow }),
  ],
  registerAgent: (application, context, { agentId: agent_id }) =>
    application.registerAgent(context, { agent_id }),
  claimTask: (application, context, { agentId: agent_id, capability }) => {
    const capabilities = [capability];
    return application.claimTask(context, { agent_id, capabilities, wait_seconds: 0 });
  },
  reportTask: (application, context, { task }) =>
    application.reportTask(context, { task, action: 'complete', output: {} }),
  handoffTask: (application, context, { task, agentId: to_agent }) =>
    application.handoffTask(context, { task, to_agent }),
  listAgents: (application, context) => application.listAgents(context, {}),
  requestApproval: async (application, context, { runId: run_id, approvalId: approval_id }) => [
    await application.requestApproval(context, { run_id, approval_id, wait_seconds: 0 }),
    await application.requestApproval(context, { run_id, question: 'May I?', wait_seconds: 0 }),
  ],
  resolveApproval: (application, context, { runId: run_id, approvalId: approval_id }) =>
    application.resolveApproval(context, {
      ...{ run_id, approval_id, resolution: 'chosen', choice: 'approve', person: PERSON },
    }),
  answerTask: async (application, context, { runId: run_id, step: step_id }) => [
    await application.answerTask(context, {
      ...{ run_id, step_id, resolution: 'completed', output: {}, person: PERSON },
    }),
    await application.answerTask(context, {
      ...{ run_id, step_id, resolution: 'returned', person: PERSON },
    }),
  ],
  listInbox: (application, context) => application.listInbox(context, { person: PERSON.name }),
  rehearseCommand: (application, context, { runId: run_id }) =>
    application.rehearseCommand(context, { run_id, command: { type: 'CancelWorkflow' } }),
  createKey: (application, context, { keyName: name }) => application.createKey(context, { name }),
  listKeys: (application, context) => application.listKeys(context, {}),
  revokeKey: async (application, context, { keyId, keyName }) => [
    await application.revokeKey(context, { name_or_id: keyId }),
    await application.revokeKey(context, { name_or_id: keyName }),
  ],
  createCheckpoint: (application, context, { runId: run_id }) =>
    application.createCheckpoint(context, { run_id, name: 'here' }),
  listCheckpoints: async (application, context, { runId: run_id }) => [
    await application.listCheckpoints(context, {}),
    await application.listCheckpoints(context, { run_id }),
  ],
  readCheckpointDiff: (application, context, { checkpointId: checkpoint_id }) =>
    application.readCheckpointDiff(context, { checkpoint_id }),
  publishMessage: (application, context, { topic, messageId: id }) =>
    application.publishMessage(context, { topic, id, body: {} }),
  followTopics: async (application, context) => {
    const told: unknown[] = [];
    const followed = await application.followTopics(context, ANYTHING, async ({ messages }) => {
      told.push(messages);
    });
    return [followed.ok, told];
  },
  streamTopics: async (application, context) => {
    const ending = new AbortController();
    const stream = await application.streamTopics({ ...context, signal: ending.signal }, ANYTHING);
    if (!stream.ok) return stream;
    const page = await stream.value.pages.next();
    ending.abort();
    return page.value?.messages;
  },
  consumeTopics: async (application, context, { consumer }) => {
    const told: unknown[] = [];
    const request = { ...ANYTHING, consumer };
    const consumed = await application.consumeTopics(context, request, {
      onPage: async ({ messages }) => void told.push(messages),
    });
    return [consumed.ok ? consumed.value.delivered : consumed, told];
  },
  getHealth: (application, context) => application.getHealth(context, {}),
  getActivity: (application, context) => application.getActivity(context, {}),
  getDefinition: (application, context, { workflow }) =>
    application.getDefinition(context, { workflow }),
  getWorkflowGraph: (application, context, { runId: run_id }) =>
    application.getWorkflowGraph(context, { run_id }),
};
