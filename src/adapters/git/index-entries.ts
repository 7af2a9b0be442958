import type { ScratchGit } from './scratch-repository.ts';
import { requireSuccess } from './require-success.ts';

/** What is special in an index. Paths as git has them, in bytes. */
export interface SpecialEntries {
  /** Of a merge that is not finished; each once. */
  readonly unmerged: readonly Buffer[];
  /** Commits of other repositories: submodules. */
  readonly links: readonly Buffer[];
}

const NUL = 0;
const TAB = 9;
const MAX_INDEX_BYTES = 1_073_741_824;
const LINK_MODE = '160000';

/** Reads the whole index and keeps little of it. */
export async function readSpecialEntries(git: ScratchGit): Promise<SpecialEntries> {
  const unmerged = new Map<string, Buffer>();
  const links: Buffer[] = [];
  // `<mode> <object> <stage>\t<path>`
  const take = (record: Buffer): void => {
    const tab = record.indexOf(TAB);
    const path = record.subarray(tab + 1);
    const head = record.toString('latin1', 0, tab);
    if (!head.endsWith(' 0')) unmerged.set(path.toString('latin1'), Buffer.from(path));
    else if (head.startsWith(LINK_MODE)) links.push(Buffer.from(path));
  };
  const end = await git({
    args: ['ls-files', '-z', '--stage'],
    maxOutputBytes: MAX_INDEX_BYTES,
    onOutput: createRecordSplitter(take),
  });
  requireSuccess(end, 'read its index');
  return { unmerged: [...unmerged.values()], links };
}

/** Hands on every record that ends with NUL, however the chunks fall. */
export function createRecordSplitter(take: (record: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    const whole = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let at = whole.indexOf(NUL); at >= 0; at = whole.indexOf(NUL, from)) {
      take(whole.subarray(from, at));
      from = at + 1;
    }
    rest = Buffer.from(whole.subarray(from));
  };
}

export function splitRecords(output: Buffer): Buffer[] {
  const records: Buffer[] = [];
  createRecordSplitter((record) => records.push(record))(output);
  return records;
}
