/**
 * A step kind of one's own: `markdown.broken_links` finds links of Markdown files that lead to files which are not there.
 *
 *   npx baton doctor                        # names the kind and the file it comes from
 *   npx baton run docs-check.yaml --watch   # registers the workflow, runs it here and follows it
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { defineHandler, StepFailure, z } from 'baton-mcp/handler';

const RELATIVE_LINK = /\]\((?![a-z]+:|#)([^)\s#]+)/gi;

export default defineHandler({
  kind: 'markdown.broken_links',
  description: 'Finds relative links of Markdown files that lead nowhere.',
  input: z.strictObject({ files: z.array(z.string().min(1)).min(1).max(1_000) }),
  output: z.strictObject({
    checked: z.int(),
    broken: z.array(z.strictObject({ file: z.string(), link: z.string() })),
  }),
  timeout: '1m',
  // Reading changes nothing, so that running it again is always safe.
  effect: 'pure',
  async run(context, { files }) {
    const broken: { file: string; link: string }[] = [];
    for (const [at, file] of files.entries()) {
      // The step was cancelled or its time is up.
      context.signal.throwIfAborted();
      const links = await brokenLinks(resolve(context.workspace, file));
      broken.push(...links.map((link) => ({ file, link })));
      context.heartbeat({ checked: at + 1 });
    }
    return { checked: files.length, broken };
  },
});

async function brokenLinks(path: string): Promise<string[]> {
  const links = [...(await textOf(path)).matchAll(RELATIVE_LINK)].map(([, link = '']) => link);
  return links.filter((link) => !existsSync(resolve(dirname(path), decodeURIComponent(link))));
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    // A missing file is missing at the next attempt too.
    throw new StepFailure('unreadable_file', String(error), { permanent: true });
  }
}
