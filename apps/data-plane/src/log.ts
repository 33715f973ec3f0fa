import { createLog } from '@sparewheel/runtime/log';

export const log = createLog('data-plane');
