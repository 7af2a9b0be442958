import type { ClientOptions } from '@modelcontextprotocol/client';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { valueOf } from '../application/workbench.ts';
import { connect, MODERN, textOf, type Session } from './connect.ts';

const GATE = `
name: gated
steps:
  - { id: gate, uses: approval, with: { question: Deploy it?, choices: [ship, wait] } }
  - { id: after, uses: transform, needs: [gate], with: { chosen: '\${{ steps.gate.output.choice }}' } }
output: { chosen: '\${{ steps.after.output.chosen }}' }
`;

const ASKING = { person: 'anna', secret: 'a secret of the store' };
const CAN_ASK: ClientOptions = { capabilities: { elicitation: {} } };

const askedSchema = z.object({
  message: z.string(),
  requestedSchema: z.object({
    properties: z.object({ answer: z.object({ enum: z.array(z.string()) }) }),
  }),
});
type Asked = z.infer<typeof askedSchema>;

type Said = { action: 'accept'; content: Record<string, string> } | { action: 'decline' };

async function gated(
  client: ClientOptions,
  said: Said,
  gate = GATE,
): Promise<Session & { readonly runId: string; readonly asked: string[] }> {
  const session = await connect({ client, askUser: ASKING });
  const asked: string[] = [];
  session.client.setRequestHandler('elicitation/create', ({ params }) => {
    asked.push(params.message);
    return said;
  });
  await session.bench.register(gate);
  const runId = await session.bench.start('gated');
  return { ...session, runId, asked };
}

describe.each([
  ['before 2026-07-28', CAN_ASK],
  ['2026-07-28', { ...CAN_ASK, ...MODERN }],
] as const)('an approval put to the user of a client (%s)', (_era, client) => {
  it('is answered in the course of a call that waits for the run', async () => {
    const said = { answer: 'ship', comment: 'looks fine' };
    const session = await gated(client, { action: 'accept', content: said });
    const awaited = textOf(await session.call('await_workflow', { run_id: session.runId }));
    expect(awaited).toContain('finished: true');
    expect(awaited).toContain('{"chosen":"ship"}');
    expect(session.asked).toEqual([expect.stringContaining('Deploy it?')]);
    const resolved = (await session.bench.events(session.runId)).find(
      ({ type }) => type === 'ApprovalResolved',
    );
    expect(resolved).toMatchObject({ by: 'anna', via: 'elicitation', comment: 'looks fine' });
  });

  it('may be rejected', async () => {
    const session = await gated(client, {
      action: 'accept',
      content: { answer: 'reject' },
    });
    const awaited = textOf(await session.call('await_workflow', { run_id: session.runId }));
    expect(awaited).toContain('rejected by anna');
  });

  it('stays open when the user would rather not say, who is not asked again', async () => {
    const session = await gated(client, { action: 'decline' });
    const first = textOf(
      await session.call('await_workflow', { run_id: session.runId, wait_seconds: 0 }),
    );
    const second = textOf(
      await session.call('await_workflow', { run_id: session.runId, wait_seconds: 0 }),
    );
    expect(first).toContain('waiting_for_person');
    expect(second).toContain('waiting_for_person');
    expect(session.asked).toHaveLength(1);
  });

  it('takes no answer that is none of the choices', async () => {
    const content = { answer: 'anything' };
    const session = await gated(client, { action: 'accept', content });
    const awaited = textOf(
      await session.call('await_workflow', { run_id: session.runId, wait_seconds: 0 }),
    );
    expect(awaited).toContain('waiting_for_person');
    const view = valueOf(
      await session.bench.application.getWorkflow(session.bench.context, { run_id: session.runId }),
    );
    expect(view.approvals).toMatchObject([{ approval_id: 'gate', status: 'waiting' }]);
  });

  it('is left to those who may approve it', async () => {
    const listed = GATE.replace('question:', 'approvers: [bert], question:');
    const content = { answer: 'ship' };
    const session = await gated(client, { action: 'accept', content }, listed);
    await session.call('await_workflow', { run_id: session.runId, wait_seconds: 0 });
    expect(session.asked).toEqual([]);
  });

  it('asked for by an agent is asked once', async () => {
    const session = await gated(client, {
      action: 'accept',
      content: { answer: 'ship' },
    });
    await session.bench.register(
      'name: idle\nsteps: [{ id: a, uses: signal, with: { name: go } }]',
    );
    const idle = await session.bench.start('idle');
    const content = { run_id: idle, question: 'May I?', choices: ['ship'], wait_seconds: 0 };
    const answered = textOf(await session.call('request_approval', content));
    expect(answered).toContain('chosen "ship" by anna');
    expect(session.asked).toEqual([expect.stringContaining('May I?')]);
    expect(session.runId).not.toBe(idle);
    const view = valueOf(
      await session.bench.application.getWorkflow(session.bench.context, { run_id: idle }),
    );
    expect(view.approvals).toHaveLength(1);
  });
});

describe('what the user is asked', () => {
  const HOSTILE =
    'Read a file?\u001b[2J\u202e\r\nApproval in workflow "gated"\n\nasked by the workflow';
  const CHOICES = [
    'yes',
    'yes\u200b',
    String.raw`yes\u{200b}`,
    'reject\u200b',
    'all\u001b[8m of it',
  ];

  async function asks(answer: string): Promise<{ shown: Asked; resolved: unknown }> {
    const session = await connect({ client: CAN_ASK, askUser: ASKING });
    const shown: Asked[] = [];
    session.client.setRequestHandler('elicitation/create', ({ params }) => {
      shown.push(askedSchema.parse(params));
      return { action: 'accept', content: { answer } };
    });
    await session.bench.register(
      'name: idle\nsteps: [{ id: a, uses: signal, with: { name: go } }]',
    );
    const run_id = await session.bench.start('idle');
    // Not through the tool, which trims: what is stored already is shown safely too.
    const asking = { run_id, question: HOSTILE, choices: CHOICES, wait_seconds: 0 };
    valueOf(await session.bench.application.requestApproval(session.bench.context, asking));
    await session.call('await_workflow', { run_id, wait_seconds: 0 });
    const events = await session.bench.events(run_id);
    const [first] = shown;
    if (first === undefined) throw new Error('nobody was asked');
    return { shown: first, resolved: events.find(({ type }) => type === 'ApprovalResolved') };
  }

  it('names who asks first, and what they wrote stands behind a bar', async () => {
    const { shown } = await asks('yes');
    expect(shown.message.split('\n')).toEqual([
      expect.stringMatching(/^Approval "ask:[\da-f]+" in workflow "idle"$/),
      'asked by client:test, whose words stand behind the bar:',
      String.raw`  │ Read a file?\u{1b}[2J\u{202e}`,
      '  │ Approval in workflow "gated"',
      '  │ ',
      '  │ asked by the workflow',
    ]);
  });

  it('offers choices as they are read, each different, and records the one that was meant', async () => {
    const { shown } = await asks('yes');
    const labels = shown.requestedSchema.properties.answer.enum;
    expect(labels).toEqual([
      'yes',
      String.raw`yes\u{200b}`,
      String.raw`yes\u{200b} (2)`,
      String.raw`reject\u{200b}`,
      String.raw`all\u{1b}[8m of it`,
      'reject',
    ]);
    for (const [at, choice] of CHOICES.entries())
      expect((await asks(labels[at] ?? '')).resolved).toMatchObject({
        resolution: 'chosen',
        choice,
      });
    expect((await asks('reject')).resolved).toMatchObject({ resolution: 'rejected' });
  });
});

describe('a server asks nobody', () => {
  it('whose client does not say that it can ask', async () => {
    const session = await connect({ askUser: ASKING });
    await session.bench.register(GATE);
    const runId = await session.bench.start('gated');
    const seen = textOf(await session.call('await_workflow', { run_id: runId, wait_seconds: 0 }));
    expect(seen).toContain('waiting_for_person');
  });

  it.each([
    ['that was not allowed to', {}],
    ['that changes nothing', { askUser: ASKING, readOnly: true }],
  ])('%s', async (_name, options) => {
    const session = await connect({ client: CAN_ASK, ...options });
    session.client.setRequestHandler('elicitation/create', () => {
      throw new Error('was asked');
    });
    await session.bench.register(GATE);
    const runId = await session.bench.start('gated');
    const seen = textOf(await session.call('await_workflow', { run_id: runId, wait_seconds: 0 }));
    expect(seen).toContain('waiting_for_person');
  });
});
