import { describe, expect, test } from 'vitest';
import { asCommand } from '../../src/cli/as-command.ts';
import { printTable } from '../../src/cli/table.ts';
import { Terminal, type TerminalOptions } from '../../src/cli/terminal.ts';

class FakeStream {
  readonly isTTY: boolean;
  text = '';
  fail: (error: Error) => void = () => undefined;

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }

  on(_event: 'error', listener: (error: Error) => void): void {
    this.fail = listener;
  }
}

function terminal(isTTY: boolean, options: Partial<TerminalOptions> = {}) {
  const stdout = new FakeStream(isTTY);
  const stderr = new FakeStream(isTTY);
  let broken = 0;
  const made = new Terminal({
    stdout,
    stderr,
    environment: {},
    json: false,
    noColor: false,
    onBroken: () => (broken += 1),
    ...options,
  });
  return { made, stdout, stderr, broken: () => broken };
}

describe('colour', () => {
  test('is for terminals only', () => {
    expect(terminal(true).made.style('red', 'x')).toContain('\u001b[31m');
    expect(terminal(false).made.style('red', 'x')).toBe('x');
  });

  test.each([
    ['NO_COLOR', { environment: { NO_COLOR: '1' } }],
    ['--no-color', { noColor: true }],
    ['--json', { json: true }],
    ['TERM=dumb', { environment: { TERM: 'dumb' } }],
  ])('is left out with %s', (_name, options) => {
    expect(terminal(true, options).made.style('red', 'x')).toBe('x');
  });

  test('stays with an empty NO_COLOR', () => {
    expect(terminal(true, { environment: { NO_COLOR: '' } }).made.style('red', 'x')).not.toBe('x');
  });
});

describe('output', () => {
  test('with --json escapes what steers a terminal, and stays the same JSON', () => {
    const { made, stdout } = terminal(true, { json: true });
    made.json({ id: 'a\u009b31m\u202eb' });
    expect(stdout.text).toBe('{"id":"a\\u009b31m\\u202eb"}\n');
  });

  test('with --json holds JSON lines and nothing else', () => {
    const { made, stdout } = terminal(true, { json: true });
    made.line('for people');
    made.json({ a: 1 });
    expect(stdout.text).toBe('{"a":1}\n');
  });

  test('stops when the reader is gone, and tells the command once', () => {
    const { made, stdout, broken } = terminal(false);
    stdout.fail(new Error('EPIPE'));
    stdout.fail(new Error('EPIPE'));
    made.line('x');
    expect(stdout.text).toBe('');
    expect(broken()).toBe(1);
  });

  test('is a table with borders at a terminal, aligned columns elsewhere', async () => {
    const wide = terminal(true);
    await printTable(wide.made, ['a', 'b'], [['1', '2']]);
    expect(wide.stdout.text).toContain('│');
    const plain = terminal(false);
    await printTable(plain.made, ['name', 'b'], [['1', '2']]);
    expect(plain.stdout.text).toBe('name  b\n1     2\n');
  });
});

describe('asCommand', () => {
  test.each([
    ['await_workflow {"run_id":"r1"}', 'baton watch r1'],
    ['start_workflow {"workflow":"w","input":{}}', 'baton run w'],
    [
      'signal_workflow {"run_id":"r1","name":"go","payload":{"a":"b c"}}',
      `baton signal r1 go --payload '{"a":"b c"}'`,
    ],
    [
      'signal_workflow {"run_id":"r1","step_id":"s","resolution":"retry"}',
      'baton signal r1 --step s --resolve retry',
    ],
    ['list_workflows shows the runs.', 'baton list shows the runs.'],
    [`signal_workflow {"run_id":"r","name":"it's"}`, String.raw`baton signal r 'it'\''s'`],
    ['get_workflow {"run_id":', 'baton show RUN {"run_id":'],
    ['use the same idempotency_key', 'use the same --idempotency-key'],
    ['nothing to say', 'nothing to say'],
  ])('says %s as %s', (text, command) => {
    expect(asCommand(text)).toBe(command);
  });
});
