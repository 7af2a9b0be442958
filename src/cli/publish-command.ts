import { parsed } from './arguments.ts';
import { callContext, type AddCommand } from './cli.ts';
import { valueOf } from './cli-failure.ts';
import { EXIT } from './exit-codes.ts';

export const addPublishCommand: AddCommand = (program, action) => {
  program
    .command('publish')
    .description('publish a message under a topic of your own; baton events reads it')
    .argument('<TOPIC>', 'words between dots, e.g. orders.new')
    .argument('<BODY>', 'a JSON object or list, or plain text')
    .option(
      '--id <id>',
      'repeat with the same id to be safe: under its topic it is published once, the first body stays',
    )
    .action(
      action((invocation) =>
        invocation.withBaton(async (baton) => {
          const { terminal } = invocation;
          const [topic = '', body = ''] = invocation.args;
          const { publishMessageInputSchema } =
            await import('../application/bus/publish-message.ts');
          const input = await parsed(
            invocation,
            publishMessageInputSchema,
            { id: 'id' },
            { topic, body },
          );
          const answer = valueOf(await baton.application.publishMessage(callContext(baton), input));
          terminal.json(answer);
          terminal.line(
            answer.duplicate
              ? `${answer.topic}: ${answer.id} was published before; what was published first stays`
              : `${answer.topic}: published as ${answer.id}`,
          );
          return EXIT.ok;
        }),
      ),
    );
};
