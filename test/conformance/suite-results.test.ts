import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTemporaryFolder, type TemporaryFolder } from '../agents/temporary-folder.ts';
import { isDecisive, readSuiteResults, type ScenarioResult } from './suite-results.ts';

const REQUIREMENTS = `server: [ping, tools-list]
client: [initialize]
not_scored:
  - { scenario: tasks-lifecycle, leg: server, reason: extension }
  - { scenario: server-sse-polling, leg: server, reason: pending }
  - { scenario: auth/dpop, leg: client, reason: extension }
`;

let folder: TemporaryFolder;
beforeEach(() => {
  folder = createTemporaryFolder('baton-suite-results-');
});
afterEach(() => folder.remove());

/** What the suite leaves behind: a folder for each scenario, with the statuses of its checks. */
function read(statuses: Readonly<Record<string, readonly string[]>>): ScenarioResult[] {
  const requirements = join(folder.path, 'requirements.yaml');
  writeFileSync(requirements, REQUIREMENTS);
  const results = join(folder.path, 'results');
  mkdirSync(results);
  for (const [scenario, checks] of Object.entries(statuses)) {
    const place = join(results, `server-${scenario}-2026-11-22T02-26-50-932Z`);
    mkdirSync(place);
    const written = checks.map((status, at) => ({ id: `check-${at}`, status }));
    writeFileSync(join(place, 'checks.json'), JSON.stringify(written));
  }
  return readSuiteResults(requirements, results);
}

function faultsOf(results: readonly ScenarioResult[], wanted: string): readonly string[] {
  const found = results.find(({ scenario }) => scenario === wanted);
  if (found === undefined) throw new Error(`${wanted} is missing`);
  return found.faults;
}

it('takes every scenario that is asked of servers, and no other', () => {
  const results = read({ ping: ['SUCCESS'], unasked: ['FAILURE'] });
  expect(results.map(({ scenario }) => scenario)).toEqual([
    'ping',
    'tools-list',
    'tasks-lifecycle',
    'server-sse-polling',
  ]);
});

it('passes a scenario whose checks all succeeded', () => {
  const results = read({ ping: ['INFO', 'SUCCESS', 'SUCCESS'] });
  expect(results[0]).toEqual({ scenario: 'ping', standing: 'scored', succeeded: 2, faults: [] });
});

it('fails a scenario that did not run, or in which nothing was looked at', () => {
  const results = read({ 'tools-list': ['INFO'] });
  expect(faultsOf(results, 'ping')).toEqual(['no check succeeded']);
  expect(faultsOf(results, 'tools-list')).toEqual(['no check succeeded']);
});

it.each(['FAILURE', 'WARNING', 'SKIPPED'])('fails a scenario with a check of %s', (status) => {
  const results = read({ ping: ['SUCCESS', status] });
  expect(faultsOf(results, 'ping')).toEqual([`${status} check-1: `]);
});

it('refuses a status that it does not know', () => {
  expect(() => read({ ping: ['EXCUSED'] })).toThrow(/status/);
});

it('lets only extensions of the protocol decide nothing', () => {
  const results = read({});
  expect(results.filter(isDecisive).map(({ scenario }) => scenario)).toEqual([
    'ping',
    'tools-list',
    'server-sse-polling',
  ]);
});
