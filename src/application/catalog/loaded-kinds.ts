import type { DeclaredKinds } from '../../domain/definition/kind-declaration.ts';
import type { LoadedKind } from '../../ports/loaded-kind.ts';
import type { ApplicationPorts } from '../use-case.ts';

export async function listLoadedKinds({
  loadedKinds,
}: ApplicationPorts): Promise<readonly LoadedKind[]> {
  return loadedKinds === undefined ? [] : loadedKinds();
}

/** What a definition may pin here. */
export async function declaredKinds(ports: ApplicationPorts): Promise<DeclaredKinds> {
  const kinds = await listLoadedKinds(ports);
  return Object.fromEntries(kinds.map(({ name, declaration }) => [name, declaration]));
}
