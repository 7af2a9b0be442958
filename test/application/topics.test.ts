import { describe, expect, it } from 'vitest';
import type { FollowTopicsInput } from '../../src/application/bus/follow-topics.ts';
import type { TopicMessage } from '../../src/application/bus/topic-reader.ts';
import { MAX_MESSAGE_BYTES } from '../../src/ports/message-bus.ts';
import { createWorkbench, errorOf, valueOf } from './workbench.ts';
import type { Workbench } from './workbench.ts';

const DEFINITION = `
name: reviewed
steps:
  - { id: build, uses: shell, with: { command: [make] } }
  - { id: review, uses: agent, needs: [build], with: { capability: review, instructions: Look. } }
`;

async function messagesOf(
  { application, context }: Workbench,
  topics: string[],
  more: Partial<FollowTopicsInput> = {},
): Promise<TopicMessage[]> {
  const messages: TopicMessage[] = [];
  const onPage = async (page: { readonly messages: readonly TopicMessage[] }): Promise<void> =>
    void messages.push(...page.messages);
  valueOf(await application.followTopics(context, { topics, ...more }, onPage));
  return messages;
}

async function topicsIn(bench: Workbench, ...patterns: string[]): Promise<string[]> {
  return (await messagesOf(bench, patterns)).map(({ topic }) => topic);
}

async function played(): Promise<{ bench: Workbench; runId: string }> {
  const bench = createWorkbench();
  await bench.register(DEFINITION);
  const runId = await bench.start('reviewed');
  await bench.complete(await bench.claim('shell:make'), null);
  await bench.complete(await bench.claim('agent:review'), { ok: true });
  return { bench, runId };
}

describe('following topics', () => {
  it('shows what happened to runs under the topics of the engine', async () => {
    const { bench, runId } = await played();
    const own = (name: string): string => `runs.${runId}.${name}`;
    expect(await topicsIn(bench, 'runs.*')).toEqual(
      [
        'workflow_started',
        'steps_scheduled',
        'step_completed',
        'steps_scheduled',
        'step_completed',
        'workflow_completed',
      ].map(own),
    );
    expect(await topicsIn(bench, 'runs.*.workflow_completed')).toEqual([own('workflow_completed')]);
    expect(await topicsIn(bench, 'agents.*')).toEqual(['agents.review.tasks', 'agents.results']);
    expect(await topicsIn(bench, 'agents.*.tasks')).toEqual(['agents.review.tasks']);
    expect(await topicsIn(bench, 'orders.>')).toEqual([]);
  });

  it('delivers an event once however many of its topics fit, with the whole event', async () => {
    const { bench, runId } = await played();
    const messages = await messagesOf(bench, ['runs.*', 'agents.*', '>']);
    expect(messages).toHaveLength(6);
    expect(messages.map(({ id }) => id)).toEqual(messages.map((_, at) => `${runId}#${at + 1}`));
    expect(messages[0]?.body).toMatchObject({
      run_id: runId,
      sequence: 1,
      body: { type: 'WorkflowStarted', name: 'reviewed' },
    });
  });

  it('goes on after the cursor of a message, and stops at a limit', async () => {
    const { bench } = await played();
    const all = await messagesOf(bench, ['runs.*']);
    expect(await messagesOf(bench, ['runs.*'], { limit: 4 })).toEqual(all.slice(0, 4));
    const after = all[3]?.cursor ?? '';
    expect(await messagesOf(bench, ['runs.*'], { after })).toEqual(all.slice(4));
    expect(await messagesOf(bench, ['runs.*'], { after: 'now' })).toEqual([]);
  });

  it('follows from now on until the caller goes', async () => {
    const { bench } = await played();
    const ending = new AbortController();
    const got: string[] = [];
    const following = bench.application.followTopics(
      { ...bench.context, signal: ending.signal },
      { follow: true },
      async ({ messages }) => {
        got.push(...messages.map(({ topic }) => topic));
        ending.abort();
      },
    );
    await bench.outlast(10);
    await bench.store.publish('default', [{ topic: 'orders.new', body: 1 }]);
    await bench.outlast(100);
    expect(valueOf(await following)).toMatchObject({ delivered: 1 });
    expect(got).toEqual(['orders.new']);
  });

  it('refuses patterns and cursors that are none', async () => {
    const { application, context } = createWorkbench();
    const follow = async (input: FollowTopicsInput) =>
      errorOf(await application.followTopics(context, input, async () => undefined));
    expect(await follow({ topics: ['a.>.b'] })).toMatchObject({ code: 'invalid_topic' });
    expect(await follow({ after: 'yesterday' })).toMatchObject({ code: 'invalid_cursor' });
  });
});

describe('publishing a message', () => {
  it('publishes it once under its id, and says so', async () => {
    const bench = createWorkbench();
    const { application, context } = bench;
    const message = { topic: 'orders.new', body: { n: 1 }, id: 'order-1' };
    const once = valueOf(await application.publishMessage(context, message));
    expect(once).toEqual({ topic: 'orders.new', id: 'order-1', duplicate: false });
    const twice = valueOf(await application.publishMessage(context, message));
    expect(twice.duplicate).toBe(true);
    expect(await messagesOf(bench, ['orders.*'])).toMatchObject([
      { id: 'order-1', topic: 'orders.new', body: { n: 1 } },
    ]);
  });

  it('makes an id for one without', async () => {
    const bench = createWorkbench();
    const { application, context } = bench;
    const { id } = valueOf(
      await application.publishMessage(context, { topic: 'orders.new', body: 'x' }),
    );
    expect(await messagesOf(bench, ['orders.*'])).toMatchObject([{ id, body: 'x' }]);
  });

  it('refuses topics of the engine, bad names and what is too large; nothing is published', async () => {
    const bench = createWorkbench();
    const { application, context } = bench;
    const refused = async (topic: string, body: string) =>
      errorOf(await application.publishMessage(context, { topic, body }));
    expect(await refused('runs.r1.step_completed', 'x')).toMatchObject({
      code: 'invalid_topic',
      changed: 'nothing',
    });
    expect(await refused('orders..new', 'x')).toMatchObject({ code: 'invalid_topic' });
    expect(await refused('orders.new', 'x'.repeat(MAX_MESSAGE_BYTES))).toMatchObject({
      code: 'payload_too_large',
      changed: 'nothing',
    });
    expect(await messagesOf(bench, ['>'])).toEqual([]);
  });

  it('does not know whether it is published when the store does not answer', async () => {
    const bench = createWorkbench();
    bench.faults.fate = (operation) => (operation === 'publish' ? 'lose-reply' : 'proceed');
    const message = { topic: 'orders.new', body: 1, id: 'order-1' };
    expect(errorOf(await bench.application.publishMessage(bench.context, message))).toMatchObject({
      code: 'store_unavailable',
      changed: 'unknown',
    });
    bench.faults.fate = () => 'proceed';
    const again = valueOf(await bench.application.publishMessage(bench.context, message));
    expect(again.duplicate).toBe(true);
  });
});

describe('the health of the bus', () => {
  it('tells the feed, the round trips and how far each consumer is behind', async () => {
    const { bench } = await played();
    const { application, context } = bench;
    valueOf(
      await application.consumeTopics(
        context,
        { consumer: 'mailer', topics: ['runs.*'] },
        { onPage: async () => undefined },
      ),
    );
    for (let n = 0; n < 3; n += 1)
      await bench.store.publish('default', [{ topic: 'orders.new', body: n }]);
    const { bus } = valueOf(await application.getHealth(context, {}));
    expect(bus).toMatchObject({
      busRoundTripMs: 0,
      keyValueRoundTripMs: 0,
      entries: 6,
      consumerCount: 1,
      consumers: [{ name: 'mailer', topics: ['runs.*'], isHeld: false, unreadEntries: 3 }],
    });
  });
});
