import { z } from 'zod';

/** How soon a task is taken from its queue: all that wait with a higher priority come first. Most urgent first. */
export const PRIORITIES = ['high', 'normal', 'low'] as const;
export const prioritySchema = z.enum(PRIORITIES);
export type Priority = z.infer<typeof prioritySchema>;
