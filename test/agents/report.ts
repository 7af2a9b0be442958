import Table from 'cli-table3';
import type { Findings } from './findings.ts';
import type { ModelLog } from './model/model-endpoint.ts';

type Column = readonly [head: string, cell: (findings: Findings) => string];

const mark = (isTrue: boolean): string => (isTrue ? 'yes' : 'no');

const COLUMNS: readonly Column[] = [
  ['client', ({ client, version }) => `${client} ${version}`],
  ['over', ({ transport }) => transport],
  ['installed', ({ installed }) => mark(installed)],
  ['connected', ({ connected }) => mark(connected)],
  ['tools', ({ batonTools }) => String(batonTools)],
  ['instructions', ({ instructions }) => mark(instructions)],
  ['started', ({ started }) => mark(started)],
  ['claimed', ({ claimed }) => mark(claimed)],
  ['corrected', ({ corrected }) => mark(corrected)],
  ['completed', ({ completed }) => mark(completed)],
  ['awaited', ({ awaited }) => mark(awaited)],
  ['in store', ({ confirmed }) => mark(confirmed)],
  ['resources', ({ resources }) => mark(resources)],
  ['prompts', ({ prompts, promptUsed }) => `${prompts}${promptUsed ? ', used' : ''}`],
  ['asked', ({ permissions }) => String(permissions)],
  ['seconds', ({ seconds }) => seconds.toFixed(1)],
  ['result', ({ passed }) => (passed ? 'passed' : 'FAILED')],
];

/** One line a client and transport, then what there is to say about each. */
export function reportText(all: readonly Findings[]): string {
  const table = new Table({
    head: COLUMNS.map(([head]) => head),
    style: { head: [], border: [], compact: true },
  });
  for (const findings of all) table.push(COLUMNS.map(([, cell]) => cell(findings)));
  const notes = all.flatMap(({ client, transport, notes: said }) =>
    said.map((note) => `${client} over ${transport}: ${note}`),
  );
  return [table.toString(), ...notes].join('\n');
}

/** The conversation as the model saw it, for people to read. */
export function transcriptText(findings: Findings, log: ModelLog | undefined): string {
  const exchanges = (log?.exchanges ?? []).flatMap(({ tool, args, result }, index) => [
    `## ${index + 1}. ${tool}`,
    '```json',
    JSON.stringify(args, null, 2),
    '```',
    'What reached the model:',
    '```text',
    result,
    '```',
  ]);
  return [
    `# ${findings.client} ${findings.version} over ${findings.transport}: ${findings.passed ? 'passed' : 'FAILED'}`,
    `Tools offered to the model: ${[...(log?.tools ?? [])].join(', ')}`,
    ...exchanges,
    `Last words: ${log?.lastWords ?? 'none'}`,
    ...findings.notes.map((note) => `- ${note}`),
    '',
  ].join('\n');
}
