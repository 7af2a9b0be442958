import { isJsonObject, type Json } from '../../domain/json.ts';
import type { UseCaseError } from '../../application/use-case.ts';
import type { Translate } from './rest-words.ts';

const LOOK = 'GET /api/v1/openapi.json describes every operation.';

/** The same refusal. What it advises and REST has not is left out. */
export function errorInRestWords(error: UseCaseError, translate: Translate): UseCaseError {
  const { message, next } = error;
  return { ...error, message: translate(message) ?? message, next: translate(next) ?? LOOK };
}

/** The same answer. Baton's own words stand in these members at the top; below others (outputs) anything may stand. */
export function answerInRestWords(body: unknown, translate: Translate): unknown {
  if (!isJsonObject(body)) return body;
  const { next, attention, reasons } = body;
  return {
    ...body,
    ...(Array.isArray(next) && { next: next.flatMap((text) => said(text, translate) ?? []) }),
    ...(Array.isArray(attention) && {
      attention: attention.map((one) => reasonIn(one, translate)),
    }),
    ...(Array.isArray(reasons) && { reasons: reasons.map((one) => reasonIn(one, translate)) }),
  };
}

function reasonIn(reason: Json, translate: Translate): Json {
  if (!isJsonObject(reason)) return reason;
  const { next: call, message = '', ...rest } = reason;
  const next = call === undefined ? undefined : said(call, translate);
  return {
    ...rest,
    message: said(message, translate) ?? message,
    ...(next !== undefined && { next }),
  };
}

function said(text: Json, translate: Translate): Json | undefined {
  return typeof text === 'string' ? translate(text) : text;
}
