import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import {
  createOperatorKeyInputSchema,
  type CreatedOperatorKey,
} from '../../src/application/people/create-operator-key.ts';
import { hashOfKey, readOperatorKey } from '../../src/application/people/operator-keys.ts';
import type { Person } from '../../src/application/people/person.ts';
import type { UseCaseResult } from '../../src/application/use-case.ts';
import { createWorkbench, errorOf, valueOf, type Workbench } from './workbench.ts';

const DAY_MS = 86_400_000;

async function create(
  bench: Workbench,
  name: string,
  expires?: string,
): Promise<CreatedOperatorKey> {
  const input = { name, expires };
  return valueOf(await bench.application.createOperatorKey(bench.context, input));
}

function check(bench: Workbench, key: string): Promise<UseCaseResult<Person>> {
  const input = { key, scope: 'approvals:resolve' } as const;
  return bench.application.checkOperatorKey(bench.context, input);
}

async function revoke(bench: Workbench, name_or_id: string) {
  return bench.application.revokeOperatorKey(bench.context, { name_or_id });
}

async function listed(bench: Workbench) {
  return valueOf(await bench.application.listOperatorKeys(bench.context, {})).keys;
}

describe('a new key', () => {
  it('is 32 bytes behind its prefix, and another each time', async () => {
    const bench = createWorkbench();
    const [one, two] = [await create(bench, 'anna'), await create(bench, 'anna')];
    expect(one.key).toMatch(/^bok_[\w-]{43}$/);
    expect(Buffer.from(one.key.slice(4), 'base64url')).toHaveLength(32);
    expect(two.key).not.toBe(one.key);
    expect(two.id).not.toBe(one.id);
  });

  it('is kept as its SHA-256 and nothing else', async () => {
    const bench = createWorkbench();
    const { key, id } = await create(bench, 'anna');
    const entries = await bench.store.listValues('operator_keys');
    const hash = createHash('sha256').update(key).digest('hex');
    expect(entries.map((entry) => entry.key)).toEqual([`default/${hash}`]);
    expect(JSON.stringify(entries)).not.toContain(key.slice(4));
    expect(entries[0]?.value).toMatchObject({ id, name: 'anna', scopes: ['approvals:resolve'] });
  });

  it('expires after 90 days unless it is told otherwise', async () => {
    const bench = createWorkbench();
    const now = bench.clock.now();
    const usual = await create(bench, 'anna');
    const short = await create(bench, 'anna', '12h');
    expect(Date.parse(usual.expires_at) - now).toBe(90 * DAY_MS);
    expect(Date.parse(short.expires_at) - now).toBe(DAY_MS / 2);
  });

  test.each([
    ['no name', { name: ' ' }],
    ['a key for a name', { name: `bok_${'x'.repeat(43)}` }],
    ['an id for a name', { name: 'key_0123456789' }],
    ['a name that does not show', { name: 'an\u200bna' }],
    ['a name of several lines', { name: 'an\nna' }],
    ['no time', { name: 'anna', expires: '0s' }],
    ['more than a year', { name: 'anna', expires: '367d' }],
    ['no duration', { name: 'anna', expires: 'soon' }],
  ])('is not made with %s', (_, input) => {
    expect(createOperatorKeyInputSchema.safeParse(input).success).toBe(false);
  });
});

describe('a key', () => {
  it('says who its owner is, and when it was last used', async () => {
    const bench = createWorkbench();
    const { key } = await create(bench, 'anna');
    expect(await listed(bench)).toMatchObject([{ status: 'active' }]);
    expect((await listed(bench))[0]?.last_used_at).toBeUndefined();
    await bench.clock.advance(DAY_MS);
    expect(valueOf(await check(bench, key))).toEqual({ name: 'anna', via: 'operator_key' });
    const used = new Date(bench.clock.now()).toISOString();
    expect(await listed(bench)).toMatchObject([{ last_used_at: used }]);
  });

  it('is refused alike when it is unknown, malformed, expired, revoked, of another tenant or scope', async () => {
    const bench = createWorkbench();
    const { key } = await create(bench, 'anna');
    const expired = await create(bench, 'bert', '1h');
    const revoked = await create(bench, 'carl');
    const other = await create(bench, 'dora');
    const stored = await readOperatorKey(bench.store, 'default', hashOfKey(other.key));
    const record = { ...stored?.record, scopes: ['runs:read'] } as never; // as a later Baton might write it
    await bench.store.setValue('operator_keys', `default/${hashOfKey(other.key)}`, record);
    valueOf(await revoke(bench, 'carl'));
    await bench.clock.advance(DAY_MS / 24);
    const elsewhere = { ...bench, context: { ...bench.context, tenant: 'other' } };
    const refusals = [
      await check(bench, `bok_${'x'.repeat(43)}`),
      await check(bench, 'anna'),
      await check(bench, `${key}x`),
      await check(bench, expired.key),
      await check(bench, revoked.key),
      await check(bench, other.key),
      await check(elsewhere, key),
    ].map(errorOf);
    for (const refusal of refusals) expect(refusal).toEqual(refusals[0]);
    expect(refusals[0]).toMatchObject({ code: 'operator_key_refused', changed: 'nothing' });
    expect(valueOf(await check(bench, key)).name).toBe('anna');
  });

  it('stays listed for 90 days after its end', async () => {
    const bench = createWorkbench();
    await create(bench, 'anna', '1h');
    await bench.clock.advance(90 * DAY_MS);
    expect(await listed(bench)).toMatchObject([{ name: 'anna', status: 'expired' }]);
    await bench.clock.advance(DAY_MS);
    expect(await listed(bench)).toEqual([]);
  });

  it('is revoked for good although a use is being noted at the same moment', async () => {
    const bench = createWorkbench();
    const { key, id } = await create(bench, 'anna');
    let isRevoked = false;
    const setValue = bench.store.setValue.bind(bench.store);
    // Between the reading and the writing of the use comes the revocation.
    bench.store.setValue = async (...args) => {
      bench.store.setValue = setValue;
      isRevoked = valueOf(await revoke(bench, id)).changed;
      return setValue(...args);
    };
    expect(errorOf(await check(bench, key)).code).toBe('operator_key_refused');
    expect(isRevoked).toBe(true);
    expect(await listed(bench)).toMatchObject([{ status: 'revoked' }]);
  });

  it('is not lost when two change it at once', async () => {
    const bench = createWorkbench();
    const { key, id } = await create(bench, 'anna');
    const both = await Promise.all([check(bench, key), revoke(bench, id), check(bench, key)]);
    expect(both[1].ok).toBe(true);
    expect(await listed(bench)).toMatchObject([{ status: 'revoked' }]);
    expect(errorOf(await check(bench, key)).code).toBe('operator_key_refused');
  });
});

describe('revoking', () => {
  it('takes one key by its id, all by a name, and nothing twice', async () => {
    const bench = createWorkbench();
    const first = await create(bench, 'anna');
    await bench.clock.advance(1);
    const second = await create(bench, 'anna');
    const other = await create(bench, 'bert');
    expect(valueOf(await revoke(bench, first.id))).toMatchObject({
      changed: true,
      keys: [{ id: first.id, status: 'revoked' }],
    });
    expect(valueOf(await check(bench, second.key)).name).toBe('anna');
    expect(valueOf(await revoke(bench, 'anna')).keys.map(({ id }) => id)).toEqual([
      second.id,
      first.id,
    ]);
    expect(valueOf(await revoke(bench, 'anna')).changed).toBe(false);
    expect(valueOf(await check(bench, other.key)).name).toBe('bert');
  });

  it('says when there is no such key', async () => {
    const bench = createWorkbench();
    expect(errorOf(await revoke(bench, 'anna'))).toMatchObject({
      code: 'unknown_key',
      changed: 'nothing',
    });
  });
});

it('tells when the store does not answer', async () => {
  const bench = createWorkbench();
  const { key } = await create(bench, 'anna');
  bench.faults.fate = () => 'fail';
  expect(errorOf(await check(bench, key))).toMatchObject({ code: 'store_unavailable' });
  const made = await bench.application.createOperatorKey(bench.context, { name: 'bert' });
  expect(errorOf(made)).toMatchObject({ code: 'store_unavailable', changed: 'unknown' });
});
