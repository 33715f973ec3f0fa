/** What a page needs to become a device. Its Worker is bundled on its own. */
export type { DeviceReport, TabDeviceSettings } from './device-report.ts';
export * from './tab-device.ts';
export * from './tab-identity.ts';
