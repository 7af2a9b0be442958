import { z } from 'zod';
import {
  json,
  serverSentEvents,
  type Exchange,
  type ModelFormat,
  type ModelRequest,
} from './model-request.ts';

const recordSchema = z.record(z.string(), z.unknown());

const partSchema = z.looseObject({
  text: z.string().optional(),
  functionCall: z
    .looseObject({ id: z.string().optional(), name: z.string(), args: recordSchema.optional() })
    .optional(),
  functionResponse: z
    .looseObject({ id: z.string().optional(), name: z.string(), response: recordSchema })
    .optional(),
});
type Part = z.infer<typeof partSchema>;

const contentSchema = z.looseObject({
  role: z.string().optional(),
  parts: z.array(partSchema).default([]),
});

const requestSchema = z.looseObject({
  contents: z.array(contentSchema),
  systemInstruction: contentSchema.optional(),
  tools: z
    .array(
      z.looseObject({
        functionDeclarations: z.array(z.looseObject({ name: z.string() })).optional(),
      }),
    )
    .optional(),
});
type GenerateRequest = z.infer<typeof requestSchema>;

/** Google's `generateContent` and `streamGenerateContent`. */
export const GEMINI_FORMAT: ModelFormat = {
  parse: (path, body) =>
    /:(stream)?generateContent$/i.test(path) ? readContents(requestSchema.parse(body)) : undefined,
  answer: (path, _body, turn) => {
    const part =
      turn.kind === 'say'
        ? { text: turn.text }
        : { functionCall: { name: turn.tool, args: turn.args } };
    const response = {
      candidates: [{ index: 0, content: { role: 'model', parts: [part] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
    };
    return /:streamGenerateContent$/.test(path) ? serverSentEvents([response]) : json(response);
  },
  other: (path) => (path.endsWith(':countTokens') ? json({ totalTokens: 1 }) : undefined),
};

function readContents(request: GenerateRequest): ModelRequest {
  const parts = request.contents.flatMap((content) => content.parts);
  const said = request.contents.filter(({ role }) => role !== 'model');
  const prompt = [request.systemInstruction, ...said]
    .flatMap((content) => content?.parts ?? [])
    .flatMap(({ text }) => text ?? [])
    .join('\n');
  const tools = (request.tools ?? []).flatMap(({ functionDeclarations }) =>
    (functionDeclarations ?? []).map(({ name }) => name),
  );
  return { tools, prompt, exchanges: exchangesOf(parts) };
}

/** Calls and responses pair up in order: their ids are optional. */
function exchangesOf(parts: readonly Part[]): Exchange[] {
  const responses = parts.flatMap(({ functionResponse }) => functionResponse ?? []);
  return parts
    .flatMap(({ functionCall }) => functionCall ?? [])
    .map(({ name, args = {} }, index) => {
      const { output, error } = responses[index]?.response ?? {};
      const shown = output ?? error;
      return {
        tool: name,
        args,
        result: typeof shown === 'string' ? shown : JSON.stringify(shown),
      };
    });
}
