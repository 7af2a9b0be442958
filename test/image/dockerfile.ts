export interface Instruction {
  /** In capitals. */
  readonly keyword: string;
  /** `--name=value`, of those that take any. */
  readonly flags: Readonly<Record<string, string>>;
  /** What follows, in one line. */
  readonly text: string;
  /** Of the exec form; absent where a shell would read the text. */
  readonly exec?: readonly string[];
  /** Where it begins, from 1. */
  readonly line: number;
}

export interface Stage {
  readonly name: string;
  readonly image: string;
  /** Without FROM. */
  readonly instructions: readonly Instruction[];
}

/**
 * Reads the part of the Dockerfile language that this project's file keeps to: no ARG before FROM, no here-documents, no
 * parser directives. Throws on what stands outside of a stage.
 */
export function readStages(text: string): Stage[] {
  const stages: { name: string; image: string; instructions: Instruction[] }[] = [];
  for (const instruction of readInstructions(text)) {
    if (instruction.keyword === 'FROM') {
      const [image = '', , name = String(stages.length)] = instruction.text.split(/\s+/);
      stages.push({ name, image, instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (!stage) throw new Error(`line ${instruction.line}: ${instruction.keyword} before FROM`);
    stage.instructions.push(instruction);
  }
  return stages;
}

function readInstructions(text: string): Instruction[] {
  const instructions: Instruction[] = [];
  let begun: { line: number; text: string } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const before = begun ?? { line: index + 1, text: '' };
    const isContinued = line.endsWith('\\');
    const joined = `${before.text} ${isContinued ? line.slice(0, -1).trim() : line.trim()}`;
    begun = isContinued ? { ...before, text: joined } : undefined;
    if (!isContinued) instructions.push(readInstruction(joined.trim(), before.line));
  }
  if (begun) throw new Error(`line ${begun.line}: the last line goes on`);
  return instructions;
}

function readInstruction(line: string, at: number): Instruction {
  const [, keyword = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
  const flags: Record<string, string> = {};
  const text = rest.replace(/^(?:--[a-z-]+=\S+\s+)+/, (given) => {
    for (const [, name = '', value = ''] of given.matchAll(/--([a-z-]+)=(\S+)/g))
      flags[name] = value;
    return '';
  });
  const exec = readExec(text.replace(/^CMD\s+/, ''));
  return { keyword: keyword.toUpperCase(), flags, text, line: at, ...(exec && { exec }) };
}

function readExec(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  const parsed: unknown = JSON.parse(text);
  if (Array.isArray(parsed) && parsed.every((word) => typeof word === 'string')) return parsed;
  throw new Error(`an exec form holds texts only: ${text}`);
}
