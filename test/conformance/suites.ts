import { join } from 'node:path';
import { installPinned } from '../support/install-pinned.ts';

/** A folder below: beside these files, its packages would stand before those that the product is built on. */
const folder = join(import.meta.dirname, 'suites');
const packages = join(folder, 'node_modules/@modelcontextprotocol');

/** The official suite's command, and what each revision of the specification asks for, as the suite ships it. */
export const CONFORMANCE_MAIN = join(packages, 'conformance/dist/index.js');
export const REQUIREMENTS_FOLDER = join(packages, 'conformance/requirements');
export const INSPECTOR_MAIN = join(packages, 'inspector/clients/launcher/build/index.js');

/**
 * 144 MB for a command that few run: no dependencies of the product. Of the conformance suite it is a pre-release: the
 * newest release (0.1.16) knows nothing of 2026-07-28, and only these have a list of what each revision asks for.
 */
export function installSuites(): Promise<void> {
  return installPinned(folder);
}
