import { describe, expect, test } from 'vitest';
import { maskSecrets } from '../../src/cli/connect/secret-mask.ts';
import { colouredDiff, shownDiff } from '../../src/cli/connect/shown-diff.ts';
import { Terminal } from '../../src/cli/terminal.ts';

describe('maskSecrets', () => {
  const secret = 'hunter2hunter2';
  const secrets: [string, string][] = [
    ['a variable', `{"env":{"GITHUB_TOKEN":"${secret}"}}`],
    ['a header', `{"headers":{"Authorization":"${secret}"}}`],
    ['a header of an innocent name', `{"headers":{"X-Team":"${secret}"}}`],
    ['the query of a URL', `{"url":"https://host/mcp?a=1&api_key=${secret}&b=2"}`],
    ['an option with its value', `{"args":["--api-key","${secret}"]}`],
    ['an option and its value', `{"args":["--password=${secret}"]}`],
    ['a URL', `{"env":{"DB":"postgres://me:${secret}@host/db"}}`],
    ['a webhook', `{"env":{"TO":"https://hooks.host/services/${secret}"}}`],
    ['a comment', `{ // was sk-${secret}\n}`],
    ['a name that says nothing', `{"env":{"X":"${secret.repeat(3)}"}}`],
    ['a file that is broken', `{"env":{"API_KEY":"${secret}",`],
  ];
  test.each(secrets)('hides %s', (_name, text) => {
    expect(maskSecrets(text)).not.toContain(secret);
    expect(maskSecrets(text)).toContain('***');
  });

  test.each([
    '{"env":{"BATON_SHELL_ALLOW":"node,npm,git"}}',
    '{"args":["/home/somebody/projects/baton-mcp-0.1.0/dist/src/main.js","mcp","--toolsets","all"]}',
    '{"env":{"TOKEN":"${MY_TOKEN}","KEY":"{env:KEY}"}}',
    '{"disabled":false,"timeout":60}',
    '{"url":"https://host/mcp?tools=all","headers":{"Authorization":"${TOKEN}"}}',
  ])('shows %s', (text) => {
    expect(maskSecrets(text)).toBe(text);
  });

  test('says which secret is new', () => {
    const before = '{"a":{"TOKEN":"one"},"b":{"TOKEN":"two"}}';
    const after = '{"a":{"TOKEN":"one"},"b":{"TOKEN":"2"}}';
    expect(maskSecrets(after, { before })).toBe(
      '{"a":{"TOKEN":"***"},"b":{"TOKEN":"*** (new value)"}}',
    );
  });
});

describe('shownDiff', () => {
  test('is unified, masks secrets also in lines that stay, and shows that one changes', () => {
    const before = '{\n  "KEY": "a1",\n  "TOKEN": "b2"\n}\n';
    const diff = shownDiff('f.json', before, before.replace('b2', 'c3'), []);
    expect(diff.split('\n')).toEqual([
      '--- f.json',
      '+++ f.json',
      '@@ -1,4 +1,4 @@',
      ' {',
      '   "KEY": "***",',
      '-  "TOKEN": "***"',
      '+  "TOKEN": "*** (new value)"',
      ' }',
    ]);
  });

  test('shows nothing of what stands outside of the entry but where it stands', () => {
    const hush = 'hunter2';
    const before = [
      '{',
      `  "theme": "${hush}", // ${hush}`,
      '  "mcp": {',
      '    "a": {',
      `      "args": ["-k", "${hush}", "--url", "https://u@h/${hush}/?t=${hush}"],`,
      `      "env": { "PIN": 731, "WEBHOOK": "https://hooks.slack.com/services/${hush}" } /* ${hush}`,
      `         ${hush} */`,
      '    },',
      '    "own": { "command": "old", "env": { "SHOWN": "plain", "A_TOKEN": "hunter2" } }',
      '  },',
      `  "mcp/own": { "command": "${hush}" }, "on": true`,
      '}',
      '',
    ].join('\n');
    const diff = shownDiff('f.json', before, before.replace('"old"', '"new"'), ['mcp', 'own']);
    expect(diff).not.toMatch(/hunter2|731|hooks/);
    expect(diff.split('\n').slice(3)).toEqual([
      '       "env": { "PIN": "***", "WEBHOOK": "***" } /* ***',
      '  *** */',
      '     },',
      '-    "own": { "command": "old", "env": { "SHOWN": "plain", "A_TOKEN": "***" } }',
      '+    "own": { "command": "new", "env": { "SHOWN": "plain", "A_TOKEN": "***" } }',
      '   },',
      '   "mcp/own": { "command": "***" }, "on": true',
      ' }',
    ]);
  });

  test('cannot steer the terminal, and keeps lines short', () => {
    const diff = shownDiff('f.json', '{}\r\n', `{"a":"\u001B[2J${'x'.repeat(1_000)}"}\r\n`, []);
    expect(diff).not.toContain('\u001B');
    expect(diff).not.toContain('\r');
    expect(Math.max(...diff.split('\n').map(({ length }) => length))).toBe(400);
    expect(shownDiff('f.json', 'x', 'x', [])).toBe('');
  });

  test('has colours at a terminal', () => {
    const stream = { isTTY: true, write: () => true, on: () => undefined };
    const terminal = new Terminal({
      stdout: stream,
      stderr: stream,
      environment: {},
      json: false,
      noColor: false,
      onBroken: () => undefined,
    });
    const coloured = colouredDiff(shownDiff('f', undefined, '{}\n', []), terminal);
    expect(coloured).toContain('\u001B[32m+{}\u001B[39m');
    expect(coloured).toContain('\u001B[36m@@ -0,0 +1,1 @@\u001B[39m');
    expect(coloured).toContain('\u001B[1m--- /dev/null\u001B[22m');
  });
});
