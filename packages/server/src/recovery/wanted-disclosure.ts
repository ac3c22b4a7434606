/** A recovery password that somebody may be shown, as far as is known before the transaction. */

import type { DisclosureReason } from '@keydesk/contract'
import type { PrincipalActor } from '../access/actor.ts'
import type { KeyToDisclose } from './disclosure-queries.ts'

export interface WantedDisclosure {
  readonly principal: PrincipalActor
  readonly key: KeyToDisclose
  readonly reason: DisclosureReason
  readonly requestId: string
  /** By what right; one never stands in for another. */
  readonly kind: 'role' | 'ownership' | 'application'
  /** The role allows it with approval only, whatever the rules say. */
  readonly needsApproval: boolean
  readonly approvalId: string | undefined
  /** Where approval is demanded: show it now. Only for whoever may. */
  readonly isEmergency: boolean
}

/** What the checks inside the transaction let through, and how. */
export interface Admission {
  /** The approval that is used up by it. */
  readonly approvalId: string | undefined
  /** Approval was demanded and is to come afterwards. */
  readonly isEmergency: boolean
}
