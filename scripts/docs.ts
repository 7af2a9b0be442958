/**
 * Writes what is generated from the code: the tables of README.md, the JSON Schema of the workflow language and the OpenAPI
 * document of the REST API. With `--check` it only compares, prints what is stale, and exits 1.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import { z } from 'zod';
import { EXIT_MEANINGS } from '../src/cli/exit-codes.ts';
import * as definitionLimits from '../src/domain/definition/definition-limits.ts';
import * as runLimits from '../src/domain/limits.ts';
import { DECLARED_KIND_NAME } from '../src/domain/definition/kind-declaration.ts';
import { STEP_KIND_NAMES } from '../src/domain/definition/step-kinds.ts';
import { workflowSchema } from '../src/domain/definition/workflow-definition.ts';
import { restDocument } from '../src/http/rest/openapi/rest-document.ts';
import { createToolRegistry } from '../src/mcp/tool-registry.ts';
import type { Tool } from '../src/mcp/define-tool.ts';
import pkg from '../package.json' with { type: 'json' };
import { tools } from '../tools/index.ts';
import { configTable } from './config-table.ts';

const README = fileURLToPath(new URL('../README.md', import.meta.url));
const OPENAPI = fileURLToPath(new URL('../docs/openapi.json', import.meta.url));
const SCHEMA = fileURLToPath(new URL('../schema/workflow.schema.json', import.meta.url));

const tokensOf = (some: readonly Tool[]): number =>
  some.reduce((sum, { listing }) => sum + Math.ceil(JSON.stringify(listing).length / 4), 0);

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function toolTable(): string {
  return table(
    ['tool', 'toolset', 'default', 'writes', 'what it does'],
    tools.map(({ name, toolset, isDefault, isReadOnly, listing }) => [
      `\`${name}\``,
      toolset,
      isDefault ? 'yes' : '',
      isReadOnly ? '' : 'yes',
      listing.description.split(/(?<=\.) /)[0] ?? '',
    ]),
  );
}

function tokenSentence(): string {
  const core = createToolRegistry(tools, { toolsets: 'core', readOnly: false });
  return `some ${tokensOf(core.tools)} tokens (all tools: ${tokensOf(tools)}; characters of \`tools/list\` divided by four)`;
}

function limitTable(): string {
  const { MAX_STEPS, MAX_DOCUMENT_LENGTH, MAX_ATTEMPTS } = definitionLimits;
  const rows: [string, number][] = [
    ['steps of a definition', MAX_STEPS],
    ['characters of a definition', MAX_DOCUMENT_LENGTH],
    ['attempts of a step', MAX_ATTEMPTS],
    ['bytes of an output', runLimits.MAX_PAYLOAD_BYTES],
    ['bytes that a run may hold', runLimits.MAX_RUN_BYTES],
    ['events of a run', runLimits.MAX_HISTORY_EVENTS],
    ['steps of one run in queues or at workers at once', runLimits.MAX_STEPS_IN_FLIGHT],
    ['signals kept for steps to come', runLimits.MAX_BUFFERED_SIGNALS],
    [
      'workers that may vanish with one attempt before it fails as `poison`',
      runLimits.MAX_DELIVERIES,
    ],
    ['times that one attempt is put off while its target is down', runLimits.MAX_POSTPONEMENTS],
  ];
  return table(
    ['limit', 'value'],
    rows.map(([name, value]) => [name, value.toLocaleString('en-US')]),
  );
}

const sections: Record<string, string> = {
  tokens: tokenSentence(),
  tools: `\n\n${toolTable()}\n\n`,
  'exit-codes': `\n\n${table(['exit code', 'meaning'], Object.entries(EXIT_MEANINGS))}\n\n`,
  config: `\n\n${configTable()}\n\n`,
  limits: `\n\n${limitTable()}\n\n`,
};

/** For editors: the shape, without what only the compiler can know (names, expressions, cycles). */
function workflowSchemaText(): string {
  const schema = z.toJSONSchema(workflowSchema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ path, jsonSchema }) => {
      if (path.at(-1) !== 'uses') return;
      // Third parties' kinds are recognised by their dot.
      jsonSchema.anyOf = [
        { enum: [...STEP_KIND_NAMES] },
        { type: 'string', pattern: DECLARED_KIND_NAME.source },
      ];
    },
  });
  return JSON.stringify({ title: 'Baton workflow', ...schema });
}

function readmeText(): string {
  let text = readFileSync(README, 'utf8');
  for (const [name, section] of Object.entries(sections)) {
    const place = new RegExp(`(<!-- ${name} -->)[^]*?(<!-- /${name} -->)`);
    if (!place.test(text)) throw new Error(`README.md has no place for "${name}"`);
    text = text.replace(place, (_, start: string, end: string) => `${start}${section}${end}`);
  }
  return text;
}

/** Writes the file, or with `--check` only tells whether it is stale. */
async function bringUpToDate(path: string, text: string, parser: string): Promise<void> {
  const options = (await prettier.resolveConfig(path)) ?? {};
  const wanted = await prettier.format(text, { ...options, parser });
  if (existsSync(path) && readFileSync(path, 'utf8') === wanted) return;
  if (process.argv.includes('--check')) {
    console.error(`${basename(path)} is stale: run "npm run docs"`);
    process.exitCode = 1;
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, wanted);
  console.log(`${basename(path)} brought up to date`);
}

await bringUpToDate(README, readmeText(), 'markdown');
await bringUpToDate(SCHEMA, workflowSchemaText(), 'json');
await bringUpToDate(OPENAPI, JSON.stringify(restDocument(pkg.version)), 'json');
