'use client';
import { type FocusEvent, useState } from 'react';
import { type FleetPlaces, NO_PLACES, nextPlaces, placed } from './fleet-places.ts';
import type { FleetRow } from './fleet-view.ts';

/**
 * Keeps the rows of the fleet at their places, so that a dangerous button never moves under the pointer.
 * @param deployment  the name of the shown deployment; another one starts with new places
 * @returns the rows in their order, and the handlers for the element that contains them
 */
export function useStableRows(rows: readonly FleetRow[], deployment: string | null) {
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  const [before, setPlaces] = useState<FleetPlaces>(NO_PLACES);
  const places = nextPlaces(before, rows, deployment, pointed || focused);
  if (places !== before) setPlaces(places);
  return {
    rows: placed(rows, places),
    homes: places.homes,
    handlers: {
      onPointerEnter: () => setPointed(true),
      onPointerLeave: () => setPointed(false),
      onFocus: () => setFocused(true),
      onBlur: ({ currentTarget, relatedTarget }: FocusEvent) => {
        if (!currentTarget.contains(relatedTarget)) setFocused(false);
      },
    },
  };
}
