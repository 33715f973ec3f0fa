/** The page's part of a browser device. Its Worker, `device-worker.ts`, is a bundle of its own. */
export * from './tab-device.ts';
export * from './tab-identity.ts';
export type { DeviceReport, TabDeviceSettings } from './worker-messages.ts';
