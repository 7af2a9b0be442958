import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseDefinitionText } from '../src/application/catalog/parse-definition-text.ts';

const README = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
const WORKFLOWS = [...README.matchAll(/```yaml\n(name:[^]*?)```/g)].map(([, text = '']) => text);

test.each(WORKFLOWS.map((text) => [/^name: (.*)$/m.exec(text)?.[1] ?? '', text]))(
  'the README’s workflow "%s" is one that registers',
  (_name, text) => {
    expect(parseDefinitionText(text, {})).toMatchObject({ ok: true });
  },
);

test('the README has workflows', () => {
  expect(WORKFLOWS.length).toBeGreaterThan(1);
});
