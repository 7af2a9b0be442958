import { existsSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BatonFixture } from './run-baton.ts';

function place(): BatonFixture {
  const baton = new BatonFixture();
  onTestFinished(() => baton.dispose());
  return baton;
}

async function adviceOn(baton: BatonFixture, ...args: string[]): Promise<string> {
  const { stderr, code } = await baton.run(['keys', 'create', ...args]);
  expect(code).toBe(0);
  return stderr;
}

describe('the advice on a new key is true', () => {
  test('for a person of this tenant, for another tenant, and for a program', async () => {
    const baton = place();
    expect(await adviceOn(baton, 'anna')).toContain('--key-file or BATON_OPERATOR_KEY');
    const others = [
      ['bert', '--tenant', 'acme'],
      ['ci', '--scopes', 'runs:read'],
    ];
    for (const args of others) {
      const advice = await adviceOn(baton, ...args);
      expect(advice).toContain('Authorization: Bearer');
      expect(advice).not.toContain('--key-file');
    }
    expect(await adviceOn(baton, 'carl', '--tenant', 'acme')).toContain('of the tenant default');
  });

  test('and names other keys of the same name that are still let in', async () => {
    const baton = place();
    const first = await adviceOn(baton, 'anna');
    expect(first).not.toContain('still');
    expect(await adviceOn(baton, 'anna', '--tenant', 'acme')).not.toContain('still');
    await adviceOn(baton, 'anna', '--tenant', 'default', '--expires', '1ms');
    const [id = 'none'] = /key_\w{10}/.exec(first) ?? [];
    const second = await adviceOn(baton, 'anna');
    expect(second).toContain(`anna has another key that is still let in: ${id}`);
    expect(second).toContain(`baton keys revoke ${id}`);
  });
});

describe('a server that others could reach, without a key that is let in,', () => {
  const serve = ['serve', '--host', '0.0.0.0', '--port', '0'];

  test('is refused before it makes a store', async () => {
    const baton = place();
    const { stderr, code } = await baton.run(serve);
    expect(stderr).toMatch(/and the store holds no key\nNothing was changed\./);
    expect(code).toBe(4);
    expect(existsSync(baton.store)).toBe(false);
  });

  test('is told what became of the keys that there were', async () => {
    const baton = place();
    for (const name of ['old', 'older'])
      await adviceOn(baton, name, '--expires', '1ms', '--scopes', 'runs:read');
    await adviceOn(baton, 'gone');
    await baton.run(['keys', 'revoke', 'gone']);
    const { stderr, code } = await baton.run(serve);
    expect(stderr).toContain('and the store holds no active key: 2 have expired, 1 was revoked\n');
    expect(code).toBe(4);
  });
});

test('a server that runs no steps says which settings let it', async () => {
  const baton = place();
  const environment = { BATON_SHELL_ALLOW: '' };
  for (const [args, reason] of [
    [[], 'shell.allow (BATON_SHELL_ALLOW) and handlers (BATON_HANDLERS) are empty'],
    [['--no-worker'], '--no-worker'],
  ] as const) {
    const server = baton.start(['serve', '--port', '0', ...args], environment);
    await server.stdoutMatching(/worker: none\n/);
    server.child.kill('SIGTERM');
    const { stderr } = await server.ended;
    expect(stderr).toContain('No step runs in this process');
    expect(stderr).toContain(reason);
  }
});

test('a run of another tenant is told apart from one that is nowhere', async () => {
  const baton = place();
  const { stdout } = await baton.run([
    'keys',
    'create',
    'ci',
    '--tenant',
    'acme',
    '--scopes',
    'runs:read,runs:write',
  ]);
  const server = baton.start(['serve', '--port', '0']);
  const [, url = ''] = await server.stdoutMatching(/REST: (\S+);/);
  const headers = { authorization: `Bearer ${stdout.trim()}`, 'content-type': 'application/json' };
  const post = async (path: string, body: unknown): Promise<string> => {
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(201);
    return answer.text();
  };
  const definition = 'name: gate\nsteps: [{ id: ok, uses: approval, with: { question: Go? } }]\n';
  await post('/definitions', { definition });
  const started = await post('/workflows', { type: 'gate' });
  const [, run = ''] = /"workflow_id":"(\w+)"/.exec(started) ?? [];
  for (const id of [run, run.slice(0, -6)]) {
    const { stderr, code } = await baton.run(['approve', id]);
    expect(stderr).toContain(`run ${run} is of the tenant acme`);
    expect(stderr).toContain('over HTTP');
    expect(code).toBe(3);
  }
  const { stderr } = await baton.run(['approve', 'f'.repeat(26)]);
  expect(stderr).toContain('no run id begins with');
});
