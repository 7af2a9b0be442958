import { it } from 'vitest';
import { expectNothingLost, killNine } from './kill-nine.ts';

it('loses no accepted run and records no result twice over 10 kills', async () => {
  expectNothingLost(await killNine(10, 20_261_121));
}, 120_000);
