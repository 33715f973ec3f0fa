/** Where agents connect: the origin of the inference address. An address that is none stays as it is. */
export function dataPlaneUrl(inferenceUrl: string): string {
  return URL.canParse(inferenceUrl) ? new URL(inferenceUrl).origin : inferenceUrl;
}

export interface JoinChoice {
  /** What the device is called; "" lets it take its machine's name. */
  readonly name: string;
  readonly count: number;
}

/** The longest name that an agent takes. */
const NAME_LENGTH = 90;

/** A name as agents take it, which needs no quoting in any shell: what is neither letter nor digit becomes a dash. */
function deviceName(text: string): string {
  return text
    .trim()
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, NAME_LENGTH);
}

/**
 * What to run on a machine that is to become a device.
 * @param token  null where it was not asked for: a word stands in its place
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

/** Whether only this machine itself reaches an address: nothing else can join there. */
export function onlyThisMachine(url: string): boolean {
  if (!URL.canParse(url)) return false;
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
}

/** Where a browser becomes a device. The token stands behind #, so that it is sent to no server and stands in no log. */
export function joinPageAddress(origin: string, token: string): string {
  return `${origin}/join#token=${encodeURIComponent(token)}`;
}
