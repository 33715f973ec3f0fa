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

/**
 * Returns the command that makes a machine a device.
 * @param token  null puts a placeholder in its place
 */
export function joinCommand(
  url: string,
  { name, count }: JoinChoice = { name: '', count: 1 },
  token: string | null = null,
): string {
  const fitting = deviceName(name);
  const named = fitting === '' ? '' : ` --name ${fitting}`;
  const counted = count > 1 ? ` --count ${count}` : '';
  return `npm run agent -- --url ${url} --token ${token ?? 'JOIN_TOKEN'}${named}${counted}`;
}

/** Returns whether an address works only on this machine. */
export function onlyThisMachine(url: string): boolean {
  if (!URL.canParse(url)) return false;
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
}

/** Returns the address of the join page. The token follows #, so that no server and no log receives it. */
export function joinPageAddress(origin: string, token: string): string {
  return `${origin}/join#token=${encodeURIComponent(token)}`;
}
