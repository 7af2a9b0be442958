import { afterEach, beforeEach, describe } from 'vitest';
import { artifactContract } from './artifact-contract.ts';
import { busContract } from './bus-contract.ts';
import { catalogContract } from './catalog-contract.ts';
import { commitContract } from './commit-contract.ts';
import { engineWorkContract } from './engine-work-contract.ts';
import type { StoreFixture } from './fixture.ts';
import { handoverContract } from './handover-contract.ts';
import { markContract } from './mark-contract.ts';
import { priorityContract } from './priority-contract.ts';
import { readingContract } from './reading-contract.ts';
import { taskContract } from './task-contract.ts';
import { tenantContract } from './tenant-contract.ts';

/** What every adapter of the store port must do: one suite for all of them. */
export function storeContract(name: string, createFixture: () => Promise<StoreFixture>): void {
  describe(name, () => {
    let fixture: StoreFixture | undefined;

    beforeEach(async () => {
      fixture = await createFixture();
    });

    afterEach(async () => {
      await fixture?.close();
    });

    const use = (): StoreFixture => {
      if (!fixture) throw new Error('the fixture exists only while a test runs');
      return fixture;
    };

    commitContract(use);
    taskContract(use);
    priorityContract(use);
    handoverContract(use);
    engineWorkContract(use);
    readingContract(use);
    markContract(use);
    artifactContract(use);
    catalogContract(use);
    busContract(use);
    tenantContract(use);
  });
}
