/**
 * The policy that devices get. One for all until policies are assigned to groups: encrypt, with the
 * strongest method that Windows has.
 */

import type { DevicePolicy } from '@keydesk/contract'

export const DEVICE_POLICY: DevicePolicy = {
  requireEncryption: true,
  encryptionMethod: 'xts-aes-256',
}
