import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import type { UseCaseError } from '../application/use-case.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { notFound, usageFailure, valueOf } from './cli-failure.ts';
import type { Invocation } from './cli.ts';
import { optionName } from './given-options.ts';

const MAX_FILE_BYTES = 4_194_304;

/** The input of a use case from the options of a command; `options` maps its fields to option names. */
export async function parsed<Schema extends z.ZodObject>(
  invocation: Invocation,
  schema: Schema,
  options: Readonly<Record<string, string>>,
  fixed: JsonObject = {},
): Promise<z.infer<Schema>> {
  const { parseArguments } = await import('../application/parse-arguments.ts');
  const given: Record<string, unknown> = { ...fixed };
  for (const [field, option] of Object.entries(options)) {
    const value = invocation.text(option);
    if (value !== undefined) given[field] = value;
  }
  const read = parseArguments(schema, given);
  return valueOf(
    read.ok ? read : { ok: false, error: asTyped(read.error, options, invocation.commandName) },
  );
}

/** A refusal of fields in the words of whoever typed options. */
function asTyped(
  { violations = [], ...error }: UseCaseError,
  options: Readonly<Record<string, string>>,
  command: string,
): UseCaseError {
  const typed = violations.map(({ path, ...violation }) => {
    const [field = ''] = /^[^.[]+/.exec(path) ?? [];
    const option = options[field];
    return { ...violation, path: option === undefined ? path : optionName(option) };
  });
  return {
    ...error,
    message: typed.map(({ path, message }) => `${path}: ${message}`).join('; '),
    next: `Correct what is named and try again; baton ${command} --help lists the options.`,
    violations: typed,
  };
}

export function readTextFile(path: string, { cli }: Invocation): string {
  const file = resolve(cli.surroundings.cwd, path);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw notFound('unreadable_file', `${path} cannot be read: ${reason}`, 'Check the path.');
  }
  if (Buffer.byteLength(text) > MAX_FILE_BYTES)
    throw usageFailure(`${path} is larger than ${MAX_FILE_BYTES} bytes`, 'Give a smaller file.');
  return text;
}

/**
 * The input of a run from repeated `--input`: a JSON object, `@file` (JSON or YAML), or `key=value` (a value that is JSON counts
 * as JSON, anything else as text). Later ones override keys of earlier ones.
 */
export async function readInput(invocation: Invocation): Promise<JsonObject> {
  const input: Record<string, Json> = {};
  for (const text of invocation.texts('input')) {
    for (const [key, value] of Object.entries(await readPart(invocation, text)))
      Object.defineProperty(input, key, { value, enumerable: true, configurable: true });
  }
  return input;
}

async function readPart(invocation: Invocation, text: string): Promise<JsonObject> {
  if (text.startsWith('@')) return objectIn(await parseFile(invocation, text.slice(1)), text);
  const assignment = /^([^={}"\s]+)=(.*)$/s.exec(text);
  if (assignment === null) return objectIn(parseJson(text), text);
  const [, key = '', value = ''] = assignment;
  return { [key]: parseJson(value) ?? (value === 'null' ? null : value) };
}

async function parseFile(invocation: Invocation, path: string): Promise<unknown> {
  const text = readTextFile(path, invocation);
  const { parse } = await import('yaml');
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (error) {
    throw usageFailure(
      `--input @${path}: ${error instanceof Error ? error.message : String(error)}`,
      'Correct the file.',
    );
  }
}

export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json; // JSON.parse answers JSON
  } catch {
    return undefined;
  }
}

function objectIn(value: unknown, text: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw usageFailure(
    `--input ${text.slice(0, 100)}: is neither a JSON object, nor @file, nor key=value`,
    `For example: --input '{"branch":"main"}', --input branch=main, --input @input.yaml`,
  );
}
