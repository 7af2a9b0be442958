import { stringify } from 'yaml';
import { z } from 'zod';
import type { WorkflowDefinition } from '../../domain/definition/workflow-definition.ts';
import { findDefinition } from './find-definition.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import { isoTime } from '../runs/step-view.ts';
import type { ApplicationPorts, UseCase } from '../use-case.ts';

export const getDefinitionInputSchema = z.object({ workflow: z.string().trim().min(1) });
export type GetDefinitionInput = z.infer<typeof getDefinitionInputSchema>;

export interface DefinitionDocument {
  readonly name: string;
  readonly version: number;
  readonly hash: string;
  readonly registered_at: string;
  /** Whole, in YAML; registering it again changes nothing. Comments and order of the text first given are lost. */
  readonly yaml: string;
  readonly definition: WorkflowDefinition;
}

/** The document of a registered definition: the newest version of a name, or `name@version`. */
export function createGetDefinition(
  ports: ApplicationPorts,
): UseCase<GetDefinitionInput, DefinitionDocument> {
  return ({ tenant }, { workflow }) =>
    translatingErrors('nothing', async () => {
      const found = await findDefinition(ports.store, tenant, workflow);
      if (!found.ok) return found;
      const { name, version, hash, registeredAtMs } = found.value;
      const { definition } = await ports.plans.get(tenant, hash);
      const yaml = stringify(definition, { lineWidth: 120 });
      const registered_at = isoTime(registeredAtMs);
      return { ok: true, value: { name, version, hash, registered_at, yaml, definition } };
    });
}
