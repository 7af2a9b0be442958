import { createAwaitWorkflow } from './await-workflow.ts';
import { createCancelWorkflow } from './cancel-workflow.ts';
import { createExplainWorkflow } from './explain-workflow.ts';
import { createGetHealth } from './get-health.ts';
import { createGetWorkflowHistory } from './get-workflow-history.ts';
import { createGetWorkflow } from './get-workflow.ts';
import { createListCatalog } from './list-catalog.ts';
import { createListWorkflows } from './list-workflows.ts';
import { createPauseWorkflow } from './pause-workflow.ts';
import { createRegisterWorkflow } from './register-workflow.ts';
import { createResumeWorkflow } from './resume-workflow.ts';
import { createSignalWorkflow } from './signal-workflow.ts';
import { createStartWorkflow } from './start-workflow.ts';
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
  readonly getHealth: ReturnType<typeof createGetHealth>;
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
    getHealth: createGetHealth(ports),
  };
}
