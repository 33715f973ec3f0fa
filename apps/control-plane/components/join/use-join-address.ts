'use client';
import type { JoinAddressesView } from '@sparewheel/protocol';
import { useState } from 'react';
import { useApi, useLive } from '../live-connection/live-queries.ts';
import { type AddressChoice, addressChoices, dataPlaneUrl, reachProblem } from './join-command-view.ts';

export interface JoinAddress {
  readonly choices: readonly AddressChoice[];
  readonly chosen: AddressChoice;
  readonly choose: (dataPlane: string) => void;
  /** Why only this machine can join; null if others can, or before the answer of the server. */
  readonly problem: string | null;
}

/** The address that a new device uses, and the other ones. */
export function useJoinAddress(): JoinAddress {
  const page = dataPlaneUrl(useLive('inferenceUrl'));
  const { data } = useApi<JoinAddressesView>('/api/join/addresses');
  const [wanted, choose] = useState<string | null>(null);
  const choices = addressChoices(page, data);
  const chosen = choices.find(({ dataPlane }) => dataPlane === wanted) ?? choices[0]!;
  return { choices, chosen, choose, problem: data === undefined ? null : reachProblem(data) };
}
