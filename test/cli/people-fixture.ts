import { chmodSync } from 'node:fs';
import { callContext } from '../../src/cli/cli.ts';
import { composeBaton, type Baton } from '../../src/composition.ts';
import { loadConfig } from '../../src/config.ts';
import { valueOf } from '../application/workbench.ts';
import { BatonFixture, type Ended } from './run-baton.ts';

const GATE = `
name: gate
steps:
  - id: ok
    uses: approval
    with: { question: 'Deploy it?' }
output: "\${{ steps.ok.output }}"
`;
const WHERE = GATE.replace('gate', 'where').replace(
  `'Deploy it?'`,
  `'Deploy where?', choices: [staging, 'the real thing'], approvers: [anna, bert]`,
);
const TASK = `
name: task
steps:
  - id: look
    uses: agent
    with:
      capability: review
      instructions: Look at it.
      output: { type: object, required: [verdict], properties: { verdict: { type: string } } }
output: "\${{ steps.look.output }}"
`;

export interface HeldBaton {
  readonly baton: Baton;
  readonly context: ReturnType<typeof callContext>;
}

/** Real `baton` processes over a store in which approvals and tasks wait for people. */
export class PeopleFixture extends BatonFixture {
  constructor() {
    super();
    this.write('gate.yaml', GATE);
    this.write('where.yaml', WHERE);
    this.write('task.yaml', TASK);
  }

  async startRun(file: string): Promise<string> {
    const { stdout, stderr } = await this.run(['run', file, '--json']);
    const id = /"run_id":"(\w+)"/.exec(stdout)?.[1];
    if (id === undefined) throw new Error(`not started: ${stderr}`);
    return id;
  }

  /** The path of a private file with a new key for this person. */
  async keyFile(name: string, ...options: string[]): Promise<string> {
    const { stdout, stderr, code } = await this.run(['keys', 'create', name, ...options]);
    if (code !== 0) throw new Error(`no key: ${stderr}`);
    const path = this.write(`keys/${name}`, stdout);
    chmodSync(path, 0o600);
    return path;
  }

  approve(runId: string, keyFile: string, ...args: string[]): Promise<Ended> {
    return this.run(['approve', runId, '--key-file', keyFile, ...args]);
  }

  /** The same store from within this process: what agents do through tools. */
  async asAgent<Value>(body: (held: HeldBaton) => Promise<Value>): Promise<Value> {
    const loaded = await loadConfig({
      cwd: this.cwd,
      home: this.root,
      environment: { BATON_STORE: this.store },
    });
    const baton = await composeBaton(loaded, { engine: 'none' });
    try {
      return await body({ baton, context: { ...callContext(baton), actor: 'client:robot' } });
    } finally {
      await baton.close();
    }
  }

  /** Starts a run whose task an agent claims and hands to people. */
  async startHandedTask(to_person = 'anyone'): Promise<string> {
    const runId = await this.startRun('task.yaml');
    await this.asAgent(async ({ baton: { application }, context }) => {
      const agent = { agent_id: 'robot', capabilities: ['review'], wait_seconds: 0, cursor: runId };
      const { task } = valueOf(await application.claimTask(context, agent));
      if (task === undefined) throw new Error('no task to claim');
      const note = 'I cannot tell.';
      valueOf(await application.handoffTask(context, { task: task.task, to_person, note }));
    });
    return runId;
  }
}
