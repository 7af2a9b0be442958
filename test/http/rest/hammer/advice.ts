import type { Ajv2020 } from 'ajv/dist/2020.js';
import { isJsonObject, type Json, type JsonObject } from '../../../../src/domain/json.ts';
import { tools } from '../../../../tools/index.ts';

/** Names of tools that are words of nothing else, and commands that have an operation. */
const FOREIGN = new RegExp(
  `\\b(?:${tools
    .map(({ name }) => name)
    .filter((name) => name.includes('_'))
    .join('|')})\\b|\\bbaton (?:inbox|show|explain|approve|report)\\b|this tool`,
);
const OPERATION = /\b(GET|POST) \/api\/v1(\/[^\s;,]*)(?: (\{.*\})(?=[.;\s]|$))?/g;

/** Says what an answer advises that the document does not hold; `undefined`: nothing. */
export function createAdviceJudge(
  document: JsonObject,
  ajv: Ajv2020,
): (body: unknown) => string | undefined {
  const paths = Object.entries(isJsonObject(document.paths) ? document.paths : {});
  const bodyPointers = paths.flatMap(([template, methods]) =>
    Object.keys(isJsonObject(methods) ? methods : {}).map((method) => ({
      method: method.toUpperCase(),
      pattern: new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
      pointer: `doc#/paths/${encodeURIComponent(template.replaceAll('/', '~1'))}/${method}/requestBody/content/application~1json/schema`,
    })),
  );
  const wrong = (text: string): string | undefined => {
    const bare = text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
    if (FOREIGN.test(bare)) return `advises what is no operation: ${text}`;
    for (const [, method, target = '', sent] of text.matchAll(OPERATION)) {
      const [path = ''] = target.replace(/\.$/, '').split('?');
      const one = bodyPointers.find((known) => known.method === method && known.pattern.test(path));
      if (one === undefined) return `advises an operation that is not there: ${text}`;
      if (sent === undefined) continue;
      const validate = ajv.getSchema(one.pointer) ?? ajv.compile({ $ref: one.pointer });
      if (validate(JSON.parse(sent)) !== true) return `advises a body that is refused: ${text}`;
    }
    return undefined;
  };
  return (body) =>
    adviceIn(body)
      .map(wrong)
      .find((found) => found !== undefined);
}

function adviceIn(body: unknown): string[] {
  if (!isJsonObject(body)) return [];
  const { next, attention, reasons, detail } = body;
  const ofReasons = [attention, reasons].flatMap((list) =>
    (Array.isArray(list) ? list : []).flatMap((one) =>
      isJsonObject(one) ? [one.next, one.message] : [],
    ),
  );
  const all: (Json | undefined)[] = [
    ...(Array.isArray(next) ? next : [next]),
    ...ofReasons,
    detail,
  ];
  return all.filter((text) => typeof text === 'string');
}
