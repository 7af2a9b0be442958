import { join } from 'node:path';
import { promptAgent, type AcpOutcome } from './acp-session.ts';
import { createBatonCli } from './baton-cli.ts';
import { startChild } from './child-process.ts';
import type { AgentClient } from './clients/agent-client.ts';
import { findingsOf, type Evidence, type Findings } from './findings.ts';
import { httpUseOf } from './http-use.ts';
import { installClient } from './install-client.ts';
import { startModelEndpoint, type ModelLog } from './model/model-endpoint.ts';
import { nextTurn, type Scenario } from './model/script.ts';
import { startRefusingProxy } from './refusing-proxy.ts';
import { registerBaton, type Transport } from './register-baton.ts';
import { complaints, readStoredRun } from './stored-run.ts';
import { createWorkplace, type Workplace } from './workplace.ts';

const WORKFLOW_FILE = join(import.meta.dirname, 'agent-relay.yaml');
const TASK_STEP = 'carry';
const START_TIMEOUT_MS = 60_000;
const PROMPT_TIMEOUT_MS = 240_000;
/** Over HTTP some clients come back to a stream a second after it has ended: a real model leaves them the time. */
const THINKING_MS = 2_000;

export interface Drive {
  readonly main: string;
  readonly transport: Transport;
  /** Where clients are installed. */
  readonly installDirectory: string;
  /** Workplaces stay, for looking around. */
  readonly keep: boolean;
}

/** Takes one client from its installation to the verdict. Never throws: what went wrong stands in the notes. */
export async function driveClient(
  client: AgentClient,
  drive: Drive,
): Promise<{ findings: Findings; log?: ModelLog }> {
  const { transport } = drive;
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1_000;
  const evidence = await installClient(client, drive.installDirectory).then(
    async (command): Promise<Evidence> => {
      const seen = await conversation(client, command, drive);
      return { client, transport, installed: true, seconds: seconds(), ...seen };
    },
    (error: unknown): Evidence => ({
      client,
      transport,
      installed: false,
      seconds: seconds(),
      notes: [`not installed: ${messageOf(error)}`],
    }),
  );
  return { findings: findingsOf(evidence), ...(evidence.log && { log: evidence.log }) };
}

type Seen = Pick<Evidence, 'log' | 'acp' | 'http' | 'complaints' | 'notes'>;

/** A model, a home and no network; all of it is gone afterwards, whatever happened. */
async function conversation(client: AgentClient, command: string, drive: Drive): Promise<Seen> {
  const scenario = scenarioOf(client);
  const proxy = await startRefusingProxy();
  const endpoint = await startModelEndpoint(
    client.format,
    (request) => nextTurn(request, scenario),
    drive.transport === 'http' ? THINKING_MS : 0,
  );
  const workplace = createWorkplace(client.name, {
    ...proxy.environment,
    ...client.environment(endpoint.url),
  });
  const notes: string[] = [];
  try {
    client.configure(workplace, endpoint.url);
    return {
      log: endpoint.log,
      notes,
      ...(await atWork(client, command, workplace, drive, notes)),
    };
  } catch (error) {
    notes.push(messageOf(error));
    return { log: endpoint.log, notes };
  } finally {
    await endpoint.close();
    await proxy.close();
    if (proxy.asked.size > 0) notes.push(`was refused the way to ${[...proxy.asked].join(', ')}`);
    if (drive.keep) {
      workplace.root.keep();
      notes.push(`kept: ${workplace.root.path}`);
    } else workplace.root.remove();
  }
}

/** Baton is registered and reached as `drive` says; a server ends with it. */
async function atWork(
  client: AgentClient,
  command: string,
  workplace: Workplace,
  { main, transport }: Drive,
  notes: string[],
): Promise<Omit<Seen, 'log' | 'notes'>> {
  const scenario = scenarioOf(client);
  const baton = createBatonCli(main, workplace);
  await baton.run('register', WORKFLOW_FILE);
  const registered = await registerBaton(transport, client, main, workplace);
  try {
    const acp = await runAgent(client, command, workplace, scenario).catch((error: unknown) => {
      notes.push(messageOf(error));
    });
    const wrong = complaints(await readStoredRun(baton), TASK_STEP, scenario.agentId);
    const http = httpUseOf(registered.calls);
    return { complaints: wrong, ...(acp && { acp }), ...(http && { http }) };
  } finally {
    await registered.close();
  }
}

function scenarioOf({ name, resource }: AgentClient): Scenario {
  const agentId = `${name}-1`;
  const output = { carrier: agentId, laps: 3 };
  return { workflow: 'agent-relay', agentId, capability: 'relay', output, resource };
}

async function runAgent(
  client: AgentClient,
  command: string,
  { project, env }: Workplace,
  { workflow, capability }: Scenario,
): Promise<AcpOutcome> {
  const child = startChild(command, client.acpArguments, { cwd: project, env });
  try {
    return await promptAgent(child, {
      cwd: project,
      prompt: `With Baton's tools: start the workflow ${workflow}, claim its task as an agent that has the capability ${capability}, report the task, and wait until the run has finished.`,
      // Where it offers Baton's prompts to people, one of them is used as a person would.
      followUp: (commands) => commands.filter(isStatusPrompt).map((name) => `/${name}`)[0],
      ...(client.authMethodId !== undefined && { authMethodId: client.authMethodId }),
      startTimeoutMs: START_TIMEOUT_MS,
      promptTimeoutMs: PROMPT_TIMEOUT_MS,
    });
  } finally {
    await child.end();
  }
}

function isStatusPrompt(command: string): boolean {
  return command.includes('daily_status');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : JSON.stringify(error);
}
