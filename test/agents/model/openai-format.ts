import { z } from 'zod';
import {
  json,
  serverSentEvents,
  type Exchange,
  type ModelFormat,
  type ModelRequest,
  type Turn,
} from './model-request.ts';

const contentSchema = z
  .union([z.string(), z.array(z.looseObject({ text: z.string().optional() }))])
  .nullish()
  .transform((content) =>
    typeof content === 'string'
      ? content
      : (content ?? []).map(({ text }) => text ?? '').join('\n'),
  );

const requestSchema = z.looseObject({
  model: z.string(),
  stream: z.boolean().optional(),
  messages: z.array(
    z.looseObject({
      role: z.string(),
      content: contentSchema,
      tool_call_id: z.string().optional(),
      tool_calls: z
        .array(
          z.looseObject({
            id: z.string(),
            function: z.looseObject({ name: z.string(), arguments: z.string() }),
          }),
        )
        .optional(),
    }),
  ),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }) })).optional(),
});
type ChatRequest = z.infer<typeof requestSchema>;

const argumentsSchema = z.record(z.string(), z.unknown());

/** OpenAI's chat completions, streamed or whole. */
export const OPENAI_FORMAT: ModelFormat = {
  parse: (path, body) =>
    path.endsWith('/chat/completions') ? readChat(requestSchema.parse(body)) : undefined,
  answer: (_path, body, turn) => {
    const request = requestSchema.parse(body);
    return request.stream === true ? streamed(request, turn) : whole(request, turn);
  },
  other: (path) =>
    path.endsWith('/models')
      ? json({ object: 'list', data: [{ id: 'scripted', object: 'model' }] })
      : undefined,
};

function readChat({ messages, tools = [] }: ChatRequest): ModelRequest {
  const results = new Map(messages.map(({ tool_call_id, content }) => [tool_call_id, content]));
  const exchanges: Exchange[] = messages
    .flatMap(({ tool_calls = [] }) => tool_calls)
    .map(({ id, function: called }) => ({
      tool: called.name,
      args: argumentsSchema.parse(JSON.parse(called.arguments || '{}')),
      result: results.get(id) ?? '',
    }));
  const prompt = messages
    .filter(({ role }) => role === 'system' || role === 'user')
    .map(({ content }) => content)
    .join('\n');
  return { tools: tools.map((tool) => tool.function.name), prompt, exchanges };
}

const USAGE = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };

/** Ids of calls have to be unique in a conversation; its length is. */
function callOf(request: ChatRequest, turn: Extract<Turn, { kind: 'call' }>): object {
  return {
    id: `call_${request.messages.length}`,
    type: 'function',
    function: { name: turn.tool, arguments: JSON.stringify(turn.args) },
  };
}

function streamed(request: ChatRequest, turn: Turn): ReturnType<ModelFormat['answer']> {
  const chunk = (delta: object, finish_reason: string | null): object => ({
    id: `chat_${request.messages.length}`,
    object: 'chat.completion.chunk',
    created: 0,
    model: request.model,
    choices: [{ index: 0, delta, finish_reason }],
  });
  const delta =
    turn.kind === 'say'
      ? { content: turn.text }
      : { tool_calls: [{ index: 0, ...callOf(request, turn) }] };
  return serverSentEvents([
    chunk({ role: 'assistant', ...delta }, null),
    chunk({}, turn.kind === 'say' ? 'stop' : 'tool_calls'),
    { ...chunk({}, null), choices: [], usage: USAGE },
    '[DONE]',
  ]);
}

function whole(request: ChatRequest, turn: Turn): ReturnType<ModelFormat['answer']> {
  const message =
    turn.kind === 'say'
      ? { role: 'assistant', content: turn.text }
      : { role: 'assistant', content: null, tool_calls: [callOf(request, turn)] };
  return json({
    id: `chat_${request.messages.length}`,
    object: 'chat.completion',
    created: 0,
    model: request.model,
    choices: [{ index: 0, message, finish_reason: turn.kind === 'say' ? 'stop' : 'tool_calls' }],
    usage: USAGE,
  });
}
