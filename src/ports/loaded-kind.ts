import type { KindDeclaration } from '../domain/definition/kind-declaration.ts';

/** A third party's step kind whose handler this process has loaded. */
export interface LoadedKind {
  readonly name: string;
  /** For those who choose among kinds; no part of what definitions pin. */
  readonly description: string;
  readonly declaration: KindDeclaration;
}

/**
 * The kinds of the configured handler files, by name. The files are loaded at the first call, and code of third parties
 * runs then. Rejects, each time alike, with the configuration's error when a file cannot be used.
 */
export type LoadedKindSource = () => Promise<readonly LoadedKind[]>;
