import { type ClaimedIdentity, claimIdentity, TabDevice } from '@sparewheel/device/browser';
import { ApiError } from '@sparewheel/protocol';
import { errorText, readApiError, toApiError } from '../live-connection/api-client.ts';
import { unsupportedReason } from './browser-support.ts';
import { forgetJoinAddress, type JoinAddress, keepJoinAddress, readJoinAddress } from './join-address.ts';
import { defaultName, platformOf } from './join-page-view.ts';

/** How far this tab has come on its way to being a device. */
export type JoinState =
  | { readonly step: 'asking'; readonly problem: string | null }
  | { readonly step: 'token'; readonly problem: string | null }
  | { readonly step: 'unsupported'; readonly problem: string }
  | { readonly step: 'device'; readonly device: TabDevice }
  /** `holds`: its shards are still there when it returns. */
  | { readonly step: 'left'; readonly holds: boolean };

const RETRY_MS = 2_000;
/** The wire's limit for a device's name. */
const NAME_LENGTH = 100;

/** Makes this tab a device: asks where the data plane is, finds out who it is, and starts it. */
export class JoinSession {
  #state: JoinState = { step: 'asking', problem: null };
  #address: JoinAddress | null = null;
  #claim: ClaimedIdentity | null = null;
  #ended = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();

  readonly getState = (): JoinState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** @returns ends it */
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
    const state = this.#state;
    const report = state.step === 'device' ? state.device.getState().report : null;
    this.#end();
    this.#become({ step: 'left', holds: report?.storage === 'lasting' });
  }

  async #join(address: JoinAddress): Promise<void> {
    clearTimeout(this.#retry);
    if (this.#state.step !== 'asking') this.#become({ step: 'asking', problem: null });
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

  /** Ends what is there, whatever comes next. */
  #end(): void {
    clearTimeout(this.#retry);
    if (this.#state.step === 'device') this.#state.device.stop();
    this.#claim?.release();
    this.#claim = null;
  }

  #become(state: JoinState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** @throws {ApiError} the token is wrong, or the control plane does not answer */
async function askDataPlane(token: string): Promise<string> {
  const response = await fetch('/join/data-plane', { headers: { authorization: `Bearer ${token}` } }).catch(
    () => {
      throw new ApiError(0, 'unreachable', 'The control plane does not answer. This page keeps asking.');
    },
  );
  const text = await response.text();
  if (!response.ok) throw readApiError(text, response.status);
  const { url } = JSON.parse(text) as { url: string };
  // A page that came over https may connect over TLS only: whatever stands before this port stands before that one.
  return window.location.protocol === 'https:' ? url.replace(/^http:/, 'https:') : url;
}
