import { format, resolveConfig } from 'prettier';
import { describe, expect, it } from 'vitest';
import type { Tool } from '../../src/mcp/define-tool.ts';
import { createToolRegistry, parseToolSelection } from '../../src/mcp/tool-registry.ts';
import { tools } from '../../tools/index.ts';
import { connect } from './connect.ts';

const MAX_CORE_TOKENS = 3_000;
const MAX_ALL_TOKENS = 8_000;

const tokensOf = ({ listing }: Tool): number => Math.ceil(JSON.stringify(listing).length / 4);
const sum = (all: readonly Tool[]): number =>
  all.reduce((total, tool) => total + tokensOf(tool), 0);

describe('tool schemas', () => {
  it('are what the snapshot says, with what each costs', async () => {
    const listed = tools.map((tool) => ({ tokens: tokensOf(tool), ...tool.listing }));
    const text = JSON.stringify({ tokens: sum(tools), tools: listed });
    // Formatted as the repository's files are, so that a change reads as a small difference.
    const options = await resolveConfig(import.meta.filename);
    const snapshot = await format(text, { ...options, parser: 'json' });
    await expect(snapshot).toMatchFileSnapshot('./__snapshots__/tool-schemas.json');
  });

  it('reach a client as they are', async () => {
    const { client } = await connect();
    const { tools: shown } = await client.listTools();
    expect(shown).toEqual(tools.map(({ listing }) => listing));
  });

  it('cost little: the default profile and all together', () => {
    const core = createToolRegistry(tools, { toolsets: 'core', readOnly: false });
    expect(sum(core.tools)).toBeLessThanOrEqual(MAX_CORE_TOKENS);
    expect(sum(tools)).toBeLessThanOrEqual(MAX_ALL_TOKENS);
  });

  it.each(tools.map((tool) => [tool.name, tool] as const))(
    '%s is flat, named and annotated',
    (name, tool) => {
      const text = JSON.stringify(tool.listing);
      for (const word of [
        '$ref',
        '$schema',
        'anyOf',
        'oneOf',
        'allOf',
        'additionalProperties',
        'exclusiveMinimum',
        'exclusiveMaximum',
      ])
        expect(text).not.toContain(`"${word}"`);
      expect(name).toMatch(/^[a-z][a-z0-9_]{2,40}$/);
      expect(tool.listing.title.length).toBeGreaterThan(5);
      expect(tool.listing.annotations.readOnlyHint).toBe(tool.isReadOnly);
      const properties = Object.keys(tool.listing.inputSchema.properties ?? {});
      // What names a run or starts one; reports of agents carry their task, which is a key itself.
      const changesRuns = properties.includes('run_id') || name === 'start_workflow';
      expect(properties.includes('idempotency_key')).toBe(changesRuns && !tool.isReadOnly);
    },
  );

  it('have names of their own', () => {
    expect(new Set(tools.map(({ name }) => name)).size).toBe(tools.length);
  });
});

describe('the choice of toolsets', () => {
  it('reads core, all, and names', () => {
    expect(parseToolSelection('all')).toEqual({ ok: true, selection: 'all' });
    expect(parseToolSelection('core')).toEqual({ ok: true, selection: 'core' });
    expect(parseToolSelection(' runs, operations')).toEqual({
      ok: true,
      selection: ['runs', 'operations'],
    });
    expect(parseToolSelection('core,runs')).toEqual({ ok: true, selection: ['runs'] });
  });

  it.each(['', 'operatons', 'all,runs'])('refuses "%s" and says what is possible', (text) => {
    const parsed = parseToolSelection(text);
    expect(parsed).toMatchObject({ ok: false });
    expect(JSON.stringify(parsed)).toContain(
      'runs, definitions, checkpoints, agents, approvals, operations',
    );
  });
});
