import type { JoinAddressesView } from '@sparewheel/protocol';

/** Returns the address for agents: the origin of the inference address. Returns an invalid address unchanged. */
export function dataPlaneUrl(inferenceUrl: string): string {
  return URL.canParse(inferenceUrl) ? new URL(inferenceUrl).origin : inferenceUrl;
}

export interface JoinChoice {
  /** The device's name; "" uses the name of its machine. */
  readonly name: string;
  readonly count: number;
}

/** The longest device name that the command accepts. */
const NAME_LENGTH = 90;

/** Converts a text to a valid device name that needs no quotes in a shell: other characters become dashes. */
function deviceName(text: string): string {
  return text
    .trim()
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, NAME_LENGTH);
}

/** Returns the options of both commands. */
function optionsOf({ name, count }: JoinChoice): string {
  const fitting = deviceName(name);
  return `${fitting === '' ? '' : ` --name ${fitting}`}${count > 1 ? ` --count ${count}` : ''}`;
}

const PLACEHOLDER = 'JOIN_TOKEN';

/**
 * Returns the command that makes a machine a device, in a clone of the repository.
 * @param token  null puts a placeholder in its place
 */
export function joinCommand(
  url: string,
  choice: JoinChoice = { name: '', count: 1 },
  token: string | null = null,
): string {
  return `npm run agent -- --url ${url} --token ${token ?? PLACEHOLDER}${optionsOf(choice)}`;
}

/**
 * Returns the command that installs the agent as a service of a machine.
 * @param dashboard  origin of the dashboard
 * @param token  null puts a placeholder in its place
 */
export function installCommand(dashboard: string, choice: JoinChoice, token: string | null): string {
  return `curl -fsSL ${dashboard}/join/install.sh | sh -s -- ${token ?? PLACEHOLDER}${optionsOf(choice)}`;
}

/** Returns whether an address works only on this machine. */
export function onlyThisMachine(url: string): boolean {
  if (!URL.canParse(url)) return false;
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
}

/** An address of the machine that runs Sparewheel, as the operator chooses it. */
export interface AddressChoice {
  readonly label: string;
  /** Where agents connect. */
  readonly dataPlane: string;
  /** The dashboard's origin; null for the origin of this page. */
  readonly dashboard: string | null;
  readonly onlyThisMachine: boolean;
}

/**
 * Returns the addresses for a new device, best first: the one by which this page was opened, unless it works only on
 * this machine, then those of the machine's networks.
 * @param page   the data plane's address for this page
 * @param known  undefined until the server has answered
 */
export function addressChoices(page: string, known: JoinAddressesView | undefined): AddressChoice[] {
  const local = onlyThisMachine(page);
  const opened: AddressChoice = {
    label: `${hostnameOf(page)} (${local ? 'this machine only' : 'as this page was opened'})`,
    dataPlane: page,
    dashboard: null,
    onlyThisMachine: local,
  };
  const networks = (known?.addresses ?? [])
    .filter(({ dataPlane }) => dataPlane !== page)
    .map(
      ({ hostname, interface: network, dashboard, dataPlane }): AddressChoice => ({
        label: network === null ? hostname : `${hostname} (${network})`,
        dataPlane,
        dashboard,
        onlyThisMachine: false,
      }),
    );
  return local ? [...networks, opened] : [opened, ...networks];
}

/** Says why only this machine can join, and how to change that; null if other machines can. */
export function reachProblem(known: JoinAddressesView): string | null {
  if (known.addresses.length > 0) return null;
  return known.host === '0.0.0.0' || known.host === '::'
    ? 'This machine has no network address. Connect it to a network, then open this dialog again.'
    : `Sparewheel listens on ${known.host}. To let other machines join, start it with HOST=0.0.0.0 npm start.`;
}

function hostnameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : url;
}

/** Returns the address of the join page. The token follows #, so that no server and no log receives it. */
export function joinPageAddress(origin: string, token: string): string {
  return `${origin}/join#token=${encodeURIComponent(token)}`;
}
