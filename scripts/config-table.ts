import { SETTINGS, type Setting } from '../src/config/settings.ts';

/** The configuration table of the README, made from the schema. `node scripts/config-table.ts` prints it. */
export function configTable(): string {
  const rows = SETTINGS.map((setting) =>
    [`\`${setting.key}\``, defaultOf(setting), `\`${setting.variable}\``, setting.meaning].join(
      ' | ',
    ),
  );
  return [
    '| Key | Default | Environment variable | Meaning |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

function defaultOf({ fallback, fallbackText }: Setting): string {
  if (fallbackText !== undefined) return fallbackText;
  if (typeof fallback === 'function') throw new Error('a computed default needs a fallbackText');
  if (typeof fallback !== 'object') return `\`${fallback}\``;
  return fallback.length === 0 ? 'none' : fallback.map((item) => `\`${item}\``).join(', ');
}

if (import.meta.main) console.log(configTable());
