/** What a change of members did, in a sentence. */
import type { ChangedMembers } from '@keydesk/contract'

export function changedText({ added, removed }: ChangedMembers): string {
  if (added === 0 && removed === 0) return 'Nothing changed.\n'
  const parts = [
    ...(added === 0 ? [] : [`${added} added`]),
    ...(removed === 0 ? [] : [`${removed} removed`]),
  ]
  return `Members: ${parts.join(', ')}.\n`
}
