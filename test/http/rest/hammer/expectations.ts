import { Ajv2020 } from 'ajv/dist/2020.js';
import { isJsonObject, type JsonObject } from '../../../../src/domain/json.ts';
import { createAdviceJudge } from './advice.ts';
import type { Operation } from './requests.ts';

/** Says what is wrong with an answer, by the document alone; `undefined`: nothing. */
export type Judge = (
  operation: Operation,
  answer: { readonly status: number; readonly type: string; readonly text: string },
) => string | undefined;

export function createJudge(document: JsonObject): Judge {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(document, 'doc');
  const wrongAdvice = createAdviceJudge(document, ajv);
  return ({ path, method, described }, { status, type, text }) => {
    if (status >= 500) return `answered ${status}`;
    const declared = memberOf(described.responses, String(status));
    const shared = typeof declared?.$ref === 'string' ? declared.$ref.split('/').at(-1) : undefined;
    const response =
      shared === undefined
        ? declared
        : memberOf(memberOf(document.components, 'responses'), shared);
    if (response === undefined) return `answered ${status}, which is not declared: ${text}`;
    if (status === 304) return text === '' ? undefined : 'answered 304 with a body';
    const [mediaType = ''] = type.split(';');
    if (memberOf(memberOf(response, 'content'), mediaType) === undefined)
      return `answered ${status} as ${type}, which is not declared`;
    const place =
      shared === undefined
        ? ['paths', path, method, 'responses', String(status)]
        : ['components', 'responses', shared];
    const pointer = [...place, 'content', mediaType]
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const validate =
      ajv.getSchema(`doc#/${pointer}/schema`) ?? ajv.compile({ $ref: `doc#/${pointer}/schema` });
    const body: unknown = mediaType.endsWith('json') ? JSON.parse(text) : text;
    if (validate(body) === true) return wrongAdvice(body);
    return `answered ${status} with what does not fit: ${ajv.errorsText(validate.errors)}: ${text.slice(0, 2_000)}`;
  };
}

function memberOf(value: unknown, name: string): JsonObject | undefined {
  const member = isJsonObject(value) ? value[name] : undefined;
  return isJsonObject(member) ? member : undefined;
}
