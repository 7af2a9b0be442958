import type { FollowTopicsInput } from '../application/bus/follow-topics.ts';
import { eventLine } from '../application/runs/event-line.ts';
import { isoTime } from '../application/runs/step-view.ts';
import type { TopicMessage, TopicPage } from '../application/bus/topic-reader.ts';
import { visibleLine } from '../application/runs/visible-text.ts';
import type { Baton } from '../composition.ts';
import { parsed } from './arguments.ts';
import { callContext, type AddCommand, type Invocation } from './cli.ts';
import { usageFailure, valueOf } from './cli-failure.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

const MAX_TEXT_CHARS = 160;

const STATES = {
  holding: undefined,
  waiting: 'Another process holds this consumer; waiting to take over.',
  lost: 'Another process has taken this consumer over.',
  store_unavailable: 'The store does not answer; trying again.',
} as const;

const STARTS = `
Where it begins: the list at the oldest message that is kept, --follow now, --after where it says.
With --consumer, followed or not: a new one at the oldest, any other where it was.`;

/** Nobody reads standard output any more: what was written to it last is not acknowledged. */
class OutputGone extends Error {}

export const addEventsCommand: AddCommand = (program, action) => {
  program
    .command('events')
    .description('read the message bus: events of runs, and what was published')
    .argument(
      '[TOPIC...]',
      "topics or patterns: 'runs.*', 'agents.results', 'orders.>' (default: all)",
    )
    .option('--follow', 'go on at the end until interrupted')
    .option('--consumer <name>', 'go on where this consumer was, and remember what was printed')
    .option(
      '--after <cursor>',
      'begin after this cursor, at "oldest" or "now"; not with --consumer',
    )
    .option('--limit <n>', 'at most this many messages (default: all)')
    .addHelpText('after', STARTS)
    .action(action((invocation) => invocation.withBaton((baton) => readEvents(invocation, baton))));
};

async function readEvents(invocation: Invocation, baton: Baton): Promise<ExitCode> {
  const { signal } = invocation.cli.interruption;
  const consumer = invocation.text('consumer');
  if (consumer !== undefined && invocation.text('after') !== undefined)
    throw usageFailure(
      '--after cannot be given with --consumer: a consumer goes on where it was, a new one begins at the oldest message',
      'Leave out --after; or leave out --consumer to read from anywhere.',
    );
  const { followTopicsInputSchema } = await import('../application/bus/follow-topics.ts');
  const given: FollowTopicsInput = await parsed(
    invocation,
    followTopicsInputSchema,
    { after: 'after', limit: 'limit' },
    {
      ...(invocation.args.length > 0 && { topics: [...invocation.args] }),
      follow: invocation.flag('follow'),
    },
  );
  invocation.cli.interruption.listen();
  try {
    await (consumer === undefined
      ? follow(invocation, baton, given)
      : consume(invocation, baton, given));
  } catch (error) {
    if (!(error instanceof OutputGone)) throw error;
  }
  return signal.aborted ? EXIT.interrupted : EXIT.ok;
}

async function follow(
  { terminal, cli }: Invocation,
  baton: Baton,
  input: FollowTopicsInput,
): Promise<void> {
  const context = callContext(baton, cli.interruption.signal);
  const followed = valueOf(
    await baton.application.followTopics(context, input, (page) => print(terminal, page)),
  );
  if (input.follow === true || terminal.isJson) return;
  if (followed.delivered === 0) terminal.line('No messages.');
  if (followed.cursor !== undefined) terminal.note(`More: --after ${followed.cursor}`);
}

async function consume(
  invocation: Invocation,
  baton: Baton,
  given: FollowTopicsInput,
): Promise<void> {
  const { terminal, cli } = invocation;
  const { consumeTopicsInputSchema } = await import('../application/bus/consume-topics.ts');
  const options = { consumer: 'consumer', limit: 'limit' };
  const input = await parsed(invocation, consumeTopicsInputSchema, options, given);
  let told: string | undefined;
  const { delivered } = valueOf(
    await baton.application.consumeTopics(callContext(baton, cli.interruption.signal), input, {
      onPage: (page) => print(terminal, page),
      onState: (state) => {
        const text = STATES[state];
        if (text !== undefined && text !== told) terminal.note(text);
        told = text;
      },
    }),
  );
  if (delivered === 0 && input.follow !== true) terminal.line('No messages.');
}

/** Resolves when it was handed to whoever reads it. */
async function print(terminal: Terminal, { messages, gap }: TopicPage): Promise<void> {
  if (gap) {
    terminal.json({ gap: true });
    terminal.note('GAP: messages before these are no longer kept; this reader was too slow.');
  }
  for (const message of messages) {
    const { id, topic, cursor, body } = message;
    const at = isoTime(message.occurredAtMs);
    terminal.json({ id, topic, at, cursor, body });
    terminal.line(lineOf(terminal, message, at));
  }
  await new Promise<void>((resolve, reject) => {
    process.stdout.write('', (error) => (error ? reject(new OutputGone()) : resolve()));
  });
}

function lineOf(terminal: Terminal, { id, topic, body, event }: TopicMessage, at: string): string {
  const text = event === undefined ? JSON.stringify(body) : eventLine(event).text;
  const name = terminal.style('cyan', visibleLine(topic));
  return `${terminal.style('gray', at)}  ${name}  ${visibleLine(text, MAX_TEXT_CHARS)} ${terminal.style('gray', `(${visibleLine(id)})`)}`;
}
