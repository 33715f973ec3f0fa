import { type ClaimedIdentity, claimIdentity, TabDevice } from '@sparewheel/device/browser';
import { ApiError } from '@sparewheel/protocol';
import { createStore } from 'zustand';
import { errorText, readApiError, toApiError } from '../live-connection/api-client.ts';
import { unsupportedReason } from './browser-support.ts';
import { defaultName, platformOf } from './join-page-view.ts';

/** The steps of a tab on its way to being a device. */
export type JoinState =
  | { readonly step: 'asking'; readonly problem: string | null }
  | { readonly step: 'token'; readonly problem: string | null }
  | { readonly step: 'unsupported'; readonly problem: string }
  | { readonly step: 'device'; readonly device: TabDevice }
  /** `holds`: the browser keeps the shards until the device returns. */
  | { readonly step: 'left'; readonly holds: boolean };

const RETRY_MS = 2_000;
/** The longest device name that the protocol allows. */
const NAME_LENGTH = 100;

/** Makes this tab a device: asks for the address of the data plane, claims an identity, and starts the device. */
export class JoinSession {
  readonly store = createStore<JoinState>(() => ({ step: 'asking', problem: null }));
  #address: JoinAddress | null = null;
  #claim: ClaimedIdentity | null = null;
  #ended = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** @returns a function that ends the session */
  begin(): () => void {
    const problem = unsupportedReason();
    this.#address = readJoinAddress();
    if (problem !== null) this.#become({ step: 'unsupported', problem });
    else if (this.#address === null) this.#become({ step: 'token', problem: null });
    else void this.#join(this.#address);
    return () => {
      this.#ended = true;
      this.#end();
    };
  }

  useToken(token: string): void {
    this.#address = { token, name: this.#address?.name ?? null };
    keepJoinAddress(this.#address);
    void this.#join(this.#address);
  }

  askForToken(problem: string | null): void {
    this.#end();
    forgetJoinAddress();
    this.#become({ step: 'token', problem });
  }

  joinAsNew(): void {
    this.#claim?.forget();
    this.joinAgain();
  }

  joinAgain(): void {
    this.#end();
    if (this.#address !== null) void this.#join(this.#address);
  }

  leave(): void {
    const state = this.store.getState();
    const report = state.step === 'device' ? state.device.getState().report : null;
    this.#end();
    this.#become({ step: 'left', holds: report?.storage === 'lasting' });
  }

  async #join(address: JoinAddress): Promise<void> {
    clearTimeout(this.#retry);
    if (this.store.getState().step !== 'asking') this.#become({ step: 'asking', problem: null });
    try {
      const url = await askDataPlane(address.token);
      const claim = await claimIdentity();
      if (this.#ended) return claim.release();
      this.#claim = claim;
      const { identity, lasting } = claim;
      const { userAgent } = navigator;
      const name = (address.name ?? defaultName(userAgent, identity.id)).slice(0, NAME_LENGTH);
      const platform = platformOf(userAgent);
      const device = new TabDevice({ url, token: address.token, name, identity, lasting, platform });
      device.start();
      this.#become({ step: 'device', device });
    } catch (error) {
      if (this.#ended) return;
      const refused = error instanceof ApiError && [401, 403].includes(error.status);
      if (refused) return this.askForToken(errorText(error));
      this.#become({ step: 'asking', problem: toApiError(error).message });
      this.#retry = setTimeout(() => void this.#join(address), RETRY_MS);
    }
  }

  /** Stops the device and releases its identity. */
  #end(): void {
    clearTimeout(this.#retry);
    const state = this.store.getState();
    if (state.step === 'device') state.device.stop();
    this.#claim?.release();
    this.#claim = null;
  }

  #become(state: JoinState): void {
    this.store.setState(state, true);
  }
}

/** @throws {ApiError} the token is wrong, or the control plane does not answer */
async function askDataPlane(token: string): Promise<string> {
  const response = await fetch('/join/data-plane', { headers: { authorization: `Bearer ${token}` } }).catch(
    () => {
      throw new ApiError(0, 'unreachable', 'The control plane does not answer. This page keeps trying.');
    },
  );
  const text = await response.text();
  if (!response.ok) throw readApiError(text, response.status);
  const { url } = JSON.parse(text) as { url: string };
  // A page over https may open secure connections only. A TLS proxy in front of this port also serves that one.
  return window.location.protocol === 'https:' ? url.replace(/^http:/, 'https:') : url;
}

/** The parameters of the join page. They follow #, so that no server and no log receives the token. */
interface JoinAddress {
  readonly token: string;
  readonly name: string | null;
}

const STORAGE_KEY = 'sparewheel.join';

/** Reads the parameters, removes the token from the address bar, and keeps it for a reload of this tab. */
function readJoinAddress(): JoinAddress | null {
  const fragment = new URLSearchParams(window.location.hash.slice(1));
  const token = fragment.get('token')?.trim();
  if (token) {
    keepJoinAddress({ token, name: fragment.get('name') });
    window.history.replaceState(null, '', window.location.pathname);
  }
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? 'null') as JoinAddress | null;
  } catch {
    return null;
  }
}

function keepJoinAddress(address: JoinAddress): void {
  sessionStorage.setItem(STORAGE_KEY, JSON.stringify(address));
}

function forgetJoinAddress(): void {
  sessionStorage.removeItem(STORAGE_KEY);
}
