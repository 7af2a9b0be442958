import { relative } from 'node:path';
import type { JsonObject } from '../../domain/json.ts';
import { usageFailure } from '../cli-failure.ts';
import {
  readConfigurationFile,
  refuseReadOnly,
  type ConfigurationFile,
} from './configuration-file.ts';
import { readConfigurationText, type ConfigurationText } from './configuration-text.ts';
import type { ClientFiles, ConnectClient, Scope, Surroundings } from './connect-client.ts';
import { changeEntry, findEntry, type EntryRequest } from './entry-change.ts';
import type { WantedServer } from './entry-words.ts';
import { isLoopback } from '../../http/loopback.ts';
import { replaceFile } from './replace-file.ts';
import { maskSecrets } from './secret-mask.ts';
import { shownDiff } from './shown-diff.ts';

export interface ConnectRequest extends EntryRequest {
  readonly scope: Scope;
  readonly surroundings: Surroundings;
  readonly isDryRun: boolean;
  readonly now: Date;
}

export interface Connected {
  readonly file: string;
  /** With a dry run: whether it would be. */
  readonly changed: boolean;
  readonly backup?: string;
  /** As it stands in the file; what looks like a secret is masked. */
  readonly entry?: JsonObject;
  /** Unified, masked; empty when nothing changes. */
  readonly diff: string;
  readonly notes: readonly string[];
}

/**
 * Registers Baton in a client's configuration file, or takes it out. What the file holds besides stays, to the character.
 * Running it again changes nothing. Throws a failure, and leaves the file untouched, when the client could not read the
 * file either, when it is read-only, or when the name is another program's.
 */
export async function connect(request: ConnectRequest): Promise<Connected> {
  const { client, scope, surroundings, isDryRun, now } = request;
  const files = client.files(scope, surroundings);
  if (files === undefined)
    throw usageFailure(
      `${client.title} has no configuration file of a project`,
      `Leave --project out: baton connect ${client.id}`,
    );
  const path = chooseFile(files, request);
  let plan = planChange(readConfigurationFile(path), request);
  if (!plan.changed || isDryRun) return told(plan, request);
  const replacement = await replaceFile(path, {
    edit: (file) => {
      plan = planChange(file, request);
      return plan.changed ? plan.content : undefined;
    },
    now,
    // What is the user's may hold secrets; what is the project's is meant for others.
    newFileMode: scope === 'user' ? 0o600 : 0o644,
  });
  const result = told(plan, request);
  const notes = [...result.notes, ...restOf(files, path, request)];
  return { ...result, ...replacement, notes };
}

/** OpenCode reads several files: one removal takes the entry out of one of them. */
function restOf({ candidates }: ClientFiles, path: string, request: EntryRequest): string[] {
  if (request.wanted !== undefined) return [];
  return candidates
    .filter((other) => other !== path && hasEntry(other, request))
    .map((other) => `${other} has a server of this name too: run the command again`);
}

/** The file that has the entry, else the first that is there, else the one that is made. */
function chooseFile({ candidates, made }: ClientFiles, request: EntryRequest): string {
  const [only] = candidates;
  if (candidates.length === 1 && only !== undefined) return only;
  const there = candidates.filter((path) => readConfigurationFile(path).found !== undefined);
  return there.find((path) => hasEntry(path, request)) ?? there[0] ?? made;
}

function hasEntry(path: string, request: EntryRequest): boolean {
  const text = parse(readConfigurationFile(path), request.client);
  return text !== undefined && findEntry(text, path, request) !== undefined;
}

function parse(
  { path, found }: ConfigurationFile,
  client: ConnectClient,
): ConfigurationText | undefined {
  return found && readConfigurationText(found.bytes, path, client.dialect);
}

interface Plan {
  readonly file: ConfigurationFile;
  readonly changed: boolean;
  /** `undefined`: there is no file. */
  readonly before: string | undefined;
  readonly after: string;
  readonly content: Buffer;
  readonly entry?: JsonObject;
}

function planChange(file: ConfigurationFile, request: EntryRequest): Plan {
  const before = parse(file, request.client);
  const isNothingToRemove = before === undefined && request.wanted === undefined;
  const { bom, ...rest } = before ?? { bom: '', text: '' };
  const { text, entry } = isNothingToRemove
    ? { text: '' }
    : changeEntry({ bom, ...rest }, file.path, request);
  const changed = text !== rest.text;
  if (changed) refuseReadOnly(file);
  return {
    file,
    changed,
    before: before?.text,
    after: text,
    content: Buffer.from(bom + text),
    ...(entry !== undefined && { entry }),
  };
}

function told(plan: Plan, request: ConnectRequest): Connected {
  const { client, name, scope, surroundings, wanted } = request;
  const { file, changed, before, after, entry } = plan;
  const shared =
    scope === 'project' && changed && wanted !== undefined ? notesForOthers(wanted) : [];
  const linked =
    file.target === file.path
      ? []
      : [`${relative(surroundings.cwd, file.path) || file.path} is a link to ${file.target}`];
  return {
    file: file.path,
    changed,
    ...(entry !== undefined && { entry: masked(entry) }),
    diff: changed ? shownDiff(file.path, before, after, [client.section, name]) : '',
    notes: [...linked, ...shared],
  };
}

/** On what is in a file that a project shares. */
function notesForOthers(wanted: WantedServer): string[] {
  if (wanted.kind === 'stdio')
    return [
      'the entry names paths of this machine: others who check the file out run the command too',
    ];
  return [
    ...(isLoopback(new URL(wanted.url).hostname)
      ? ['the entry leads to this machine: for others who check the file out, to theirs']
      : []),
    ...(Object.keys(wanted.headers).length > 0
      ? ['the entry holds headers as they were given: others who check the file out can read them']
      : []),
  ];
}

function masked(entry: JsonObject): JsonObject {
  return JSON.parse(maskSecrets(JSON.stringify(entry))) as JsonObject; // masking keeps JSON JSON
}
