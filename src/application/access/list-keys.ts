import { z } from 'zod';
import { failure, translatingErrors } from '../commands/outcome-error.ts';
import { isOperator, mayManage } from './tenant-view.ts';
import type { UseCase } from '../use-case.ts';
import { readKeys, viewKey, type KeyPorts, type KeyView } from './api-keys.ts';
import { notYourTenant, tenantSchema } from './create-key.ts';

export const listKeysInputSchema = z.object({ tenant: tenantSchema.optional() });
export type ListKeysInput = z.infer<typeof listKeysInputSchema>;

export interface Keys {
  /** By tenant and name, then the newest first. */
  readonly keys: readonly KeyView[];
}

/** What is known of the keys, which is not the keys: of the tenant, else of all that the caller may see. */
export function createListKeys({ store, clock }: KeyPorts): UseCase<ListKeysInput, Keys> {
  return (context, { tenant = isOperator(context) ? undefined : context.tenant }) =>
    translatingErrors<Keys>('nothing', async () => {
      if (tenant !== undefined && !mayManage(context, tenant)) return failure(notYourTenant());
      const keys = await readKeys(store, tenant);
      const nowMs = clock.now();
      return {
        ok: true,
        value: { keys: keys.map((one) => viewKey(one.tenant, one.record, nowMs)) },
      };
    });
}
