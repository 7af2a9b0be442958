import type { Priority } from '../domain/priority.ts';

/** Numbers that stores draw stay below: 4.5e15, which microseconds since 1970 reach in the year 2112. */
export const CLASS_SPAN = 2 ** 52;

/** Of each priority: what is added to a number, so that all places of one stand before all of the next. */
const FIRST_PLACE: Readonly<Record<Priority, number>> = {
  high: -CLASS_SPAN,
  normal: 0,
  low: CLASS_SPAN,
};

/**
 * Where a task stands among those that wait: the lowest place is claimed first, over all queues (and shards) that a
 * claim names. `number` is what the store drew for the task; it grows with every draw. Exact: the bounds of all
 * priorities fit a double.
 *
 * Within a priority the places of a queue are rounds, and each tenant has one task in a round at most: a task joins the
 * first round, of those that wait, after the last one of its tenant there; if there is none it opens a round at its own
 * number. This is start-time fair queueing (Goyal, Vin, Cheng: SIGCOMM 1996) with the waiting rounds as virtual time: who
 * floods a queue lets the next task of another tenant wait for one of its own, not for the flood. With one tenant every
 * task opens a round: first come, first served, also over several queues, because numbers can be compared.
 *
 * Not guaranteed: equal shares over several queues (or shards of Redis), each of which is shared by itself: what waits in
 * others for longer than the round that a task joined comes before it. Nor turns after a store forgot who had one: then
 * places are numbers, the order of arrival.
 */
export function placeOf(number: number, priority: Priority = 'normal'): number {
  return FIRST_PLACE[priority] + number;
}

/** The same place in the line of another priority: what is handed on keeps its age. */
export function placeIn(priority: Priority = 'normal', place: number): number {
  return placeOf(place - FIRST_PLACE[priorityAt(place)], priority);
}

export function priorityAt(place: number): Priority {
  if (place < FIRST_PLACE.normal) return 'high';
  return place < FIRST_PLACE.low ? 'normal' : 'low';
}

/** Places of the priority are at or above the first and below the second. */
export function placesOf(priority: Priority = 'normal'): readonly [from: number, end: number] {
  const from = FIRST_PLACE[priority];
  return [from, from + CLASS_SPAN];
}
