import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createGitRepositoryReader } from '../../../src/adapters/git/git-repository-reader.ts';
import type { RepositoryReading } from '../../../src/ports/repository-reader.ts';

const MAX_DIFF_BYTES = 4_194_304;

/** A workspace with real repositories, a home of its own, and a place outside the workspace. */
export class GitFixture {
  readonly base = realpathSync(mkdtempSync(join(tmpdir(), 'baton-git-test-')));
  readonly home = this.#made('home');
  readonly workspace = this.#made('workspace');
  readonly outside = this.#made('outside');
  readonly environment = { PATH: process.env['PATH'], HOME: this.home };

  #made(name: string): string {
    const path = join(this.base, name);
    mkdirSync(path);
    return path;
  }

  /** Runs git as a user would; answers what it printed. */
  git(cwd: string, args: readonly string[], input?: Uint8Array): string {
    const { status, stdout, stderr } = this.tryGit(cwd, args, input);
    if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  tryGit(cwd: string, args: readonly string[], input?: Uint8Array) {
    const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.org'];
    const allowed = ['-c', 'protocol.file.allow=always'];
    return spawnSync('git', [...identity, ...allowed, ...args], {
      cwd,
      env: this.environment,
      ...(input && { input }),
      encoding: 'utf8',
      timeout: 20_000,
    });
  }

  /** A repository with one commit of `files`. */
  repository(path: string, files: Readonly<Record<string, string | Buffer>> = {}): string {
    this.git(this.base, ['init', '--quiet', '--initial-branch=main', path]);
    this.write(path, { 'a.txt': 'one\ntwo\n', ...files });
    this.commit(path);
    return path;
  }

  commit(path: string): string {
    this.git(path, ['add', '-A']);
    this.git(path, ['commit', '--quiet', '--allow-empty', '-m', 'state']);
    return this.git(path, ['rev-parse', 'HEAD']).trim();
  }

  write(directory: string, files: Readonly<Record<string, string | Buffer>>): void {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), content);
    }
  }

  fifo(path: string): void {
    rmSync(path, { force: true });
    if (spawnSync('mkfifo', [path]).status !== 0) throw new Error(`no FIFO at ${path}`);
  }

  program(name: string, script: string): string {
    const path = join(this.base, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  read(
    directory: string,
    {
      maxDiffBytes = MAX_DIFF_BYTES,
      roots = [],
      ...options
    }: {
      maxDiffBytes?: number;
      roots?: string[];
      git?: string;
      timeoutMs?: number;
      environment?: Record<string, string | undefined>;
    } = {},
  ): Promise<RepositoryReading> {
    const { workspace, environment } = this;
    const reader = createGitRepositoryReader({ workspace, roots, environment, ...options });
    return reader.read(directory, { maxDiffBytes });
  }

  /** The tree that a fresh clone at the commit has once the diff is applied. */
  restoredTree(repository: string, { state, diff }: RepositoryReading): string {
    const clone = mkdtempSync(join(this.base, 'clone-'));
    this.git(this.base, ['clone', '--quiet', '--no-checkout', repository, clone]);
    if (state.commit !== undefined) this.git(clone, ['checkout', '--quiet', state.commit]);
    if (diff) this.git(clone, ['apply', '--binary', '--index', '-'], diff.content);
    return this.git(clone, ['write-tree']).trim();
  }

  /** The tree of everything that is not ignored; changes the index of `repository`. */
  presentTree(repository: string): string {
    this.git(repository, ['add', '-A']);
    return this.git(repository, ['write-tree']).trim();
  }

  dispose(): void {
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** Every file below, with its content and its time of change. */
export function snapshotOf(directory: string): Map<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const content = entry.isFile() ? readFileSync(path, 'latin1') : '';
      return [path, `${lstatSync(path).mtimeMs} ${content}`];
    }),
  );
}
