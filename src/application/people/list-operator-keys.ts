import { readOperatorKeys, viewOperatorKey, type OperatorKeyView } from './operator-keys.ts';
import type { KeyPorts } from './operator-keys.ts';
import { translatingErrors } from '../commands/outcome-error.ts';
import type { UseCase } from '../use-case.ts';

export interface OperatorKeys {
  /** By name, then the newest first. */
  readonly keys: readonly OperatorKeyView[];
}

/** What is known of the operator keys, which is not the keys. */
export function createListOperatorKeys({ store, clock }: KeyPorts): UseCase<object, OperatorKeys> {
  return ({ tenant }) =>
    translatingErrors<OperatorKeys>('nothing', async () => {
      const keys = await readOperatorKeys(store, tenant);
      const nowMs = clock.now();
      return {
        ok: true,
        value: { keys: keys.map(({ record }) => viewOperatorKey(record, nowMs)) },
      };
    });
}
