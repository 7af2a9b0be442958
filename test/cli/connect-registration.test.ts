import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isBatons } from '../../src/cli/connect/ownership.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { registrationLines } from '../../scripts/quickstart/registration.ts';

const ROOT = join(import.meta.dirname, '../..');

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
}

const { name, version, bin, mcpName } = z
  .object({
    name: z.string(),
    version: z.string(),
    bin: z.object({ baton: z.string() }),
    mcpName: z.string().optional(),
  })
  .parse(readJson('package.json'));

const variable = z.object({
  name: z.enum(SETTINGS.map((setting) => setting.variable)),
  description: z.string().min(1),
});

const ofThisPackage = {
  registryType: z.literal('npm'),
  identifier: z.literal(name),
  version: z.literal(version),
  runtimeHint: z.literal('npx'),
  environmentVariables: z.array(variable).min(1),
};
const command = (value: string) =>
  z.strictObject({ type: z.literal('positional'), value: z.literal(value) });
const option = z.object({ type: z.literal('named'), name: z.string().startsWith('--') });

/** What the registry asks of a server.json: its schema of 2025-12-11, as far as it concerns this one. */
const serverSchema = z.object({
  $schema: z.literal(
    'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  ),
  name: z.string().regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  title: z.string().min(1).max(100),
  description: z.string().min(1).max(100),
  version: z.literal(version),
  packages: z.tuple([
    z.object({
      ...ofThisPackage,
      transport: z.strictObject({ type: z.literal('stdio') }),
      packageArguments: z.tuple([command('mcp')], option),
    }),
    z.object({
      ...ofThisPackage,
      transport: z.strictObject({
        type: z.literal('streamable-http'),
        // The variable stands among those of the package.
        url: z.literal('http://127.0.0.1:{BATON_HTTP_PORT}/mcp'),
      }),
      packageArguments: z.tuple([command('serve')], option),
    }),
  ]),
});

test('server.json is what the registry takes, of this version, with variables that exist', () => {
  expect(serverSchema.safeParse(readJson('server.json')).error).toBeUndefined();
});

test('package.json names the server as server.json does: the registry compares them', () => {
  expect(mcpName).toBe(serverSchema.parse(readJson('server.json')).name);
});

test('mcp.json starts the program of this package', () => {
  const { mcpServers } = z
    .object({
      mcpServers: z.object({
        baton: z.strictObject({
          type: z.literal('stdio'),
          command: z.literal('node'),
          args: z.array(z.string()),
          env: z.partialRecord(variable.shape.name, z.string()),
        }),
      }),
    })
    .parse(readJson('mcp.json'));
  expect(mcpServers.baton.args.slice(0, 2)).toEqual([bin.baton, 'mcp']);
  const { command, args } = mcpServers.baton;
  expect(isBatons({ command, args }, { name: 'baton' })).toBe(true);
});

describe('the quickstart', () => {
  const entriesOf = (shown: string): unknown[] =>
    shown
      .split('\n')
      .filter((line) => line.startsWith('    {'))
      .map((line) => JSON.parse(line) as unknown);

  test('names baton connect, and shows what it writes', () => {
    const shown = registrationLines('/repo');
    expect(shown).toMatch(/^ {2}npx baton connect opencode .*BATON_SHELL_ALLOW=node,npm,git$/m);
    expect(entriesOf(shown)).toMatchObject([
      { mcp: { baton: { type: 'local' } } },
      { mcpServers: { baton: { trust: false } } },
      { mcpServers: { baton: { timeout: 60 } } },
    ]);
    expect(shown).not.toContain('--store');
  });

  test('carries the store into the command and into every entry', () => {
    const shown = registrationLines('/repo', 'redis://127.0.0.1:1/0?prefix=mine');
    expect(shown).toContain("--store 'redis://127.0.0.1:1/0?prefix=mine'");
    for (const entry of entriesOf(shown))
      expect(JSON.stringify(entry)).toContain('"--store","redis://127.0.0.1:1/0?prefix=mine"');
  });

  test('keeps a password out of what it prints, and says where it belongs', () => {
    const shown = registrationLines('/repo', 'redis://me:s3cret@127.0.0.1:1/0');
    expect(shown).not.toContain('s3cret');
    expect(shown).not.toContain('--store');
    expect(shown).toContain('config.yaml');
  });
});
