import {
  checkpointInputSchema,
  type CreatedCheckpoint,
} from '../src/application/checkpoints/create-checkpoint.ts';
import { WRITES, defineTool } from '../src/mcp/define-tool.ts';
import { oneLine } from '../src/mcp/outside-text.ts';
import { checkpointLine } from '../src/mcp/run-text.ts';

export const checkpoint = defineTool({
  name: 'checkpoint',
  title: 'Name this point of a run',
  description:
    'Name the present point of a run with a note; with repository also its git commit and uncommitted changes.',
  toolset: 'checkpoints',
  useCase: 'createCheckpoint',
  isDefault: true,
  inputSchema: checkpointInputSchema,
  annotations: WRITES,
  run: async (application, context, input) => {
    const made = await application.createCheckpoint(context, input);
    return made.ok ? { ok: true, value: { text: lines(made.value).join('\n') } } : made;
  },
});

function lines(made: CreatedCheckpoint): string[] {
  const { diff, diffLeftOut } = made.repository ?? {};
  return [
    made.duplicate
      ? 'recorded by an earlier call with this idempotency_key; nothing was changed now'
      : 'checkpoint made',
    checkpointLine(made),
    ...(diff ? [`changes of ${diff.files} file(s) are kept, ${diff.bytes} bytes`] : []),
    ...(diffLeftOut === undefined ? [] : [`not kept: ${oneLine(diffLeftOut)}`]),
  ];
}
