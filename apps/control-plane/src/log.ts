import { createLog } from '@sparewheel/runtime/log';

/** The log of the control plane's main thread. */
export const log = createLog('control-plane');
